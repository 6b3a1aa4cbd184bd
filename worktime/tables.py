"""What lists of working time can be filtered and ordered by."""

from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import DecimalField, F, Func, OuterRef, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import Entity, RoleAssignment
from config.api.tables import (
    Asker,
    Branch,
    Choice,
    DateTime,
    Number,
    Person,
    Role,
    StandardList,
    Table,
    Text,
    register,
)
from worktime.cache import visible_revisions, visible_worktimes
from worktime.models import Action, Source

# Where running records stand in an order by their end.
NOT_YET: Final = datetime(9999, 1, 1, tzinfo=UTC)


def _roles(asker: Asker) -> QuerySet[Any]:
    return RoleAssignment.objects.filter(
        user=OuterRef("user_id"), role__organization_id=asker.organization_id
    )


def _started(period: str) -> dict[str, Any]:
    return {"column": "started_at", "operator": "equals", "value": period}


WORKTIME: Final = register(
    Table(
        name="worktime",
        entity=Entity.WORKTIME,
        visible=visible_worktimes,
        people="user",
        roles="role",
        columns=(
            Person(name="user", path="user_id", sort_by="user__username"),
            Role(name="role", path="role_id", rows=_roles),
            Branch(name="branch", path="branch_id", sort_by="branch__name"),
            DateTime(name="started_at", sort_by="started_at"),
            DateTime(
                name="ended_at", is_nullable=True, sort_by=Coalesce("ended_at", Value(NOT_YET))
            ),
            Number(
                name="duration_seconds",
                path=Func(
                    F("ended_at") - F("started_at"),
                    template="EXTRACT(epoch FROM %(expressions)s)",
                    output_field=DecimalField(),
                ),
                is_nullable=True,
            ),
            Text(name="notes"),
            Choice(name="source", choices=tuple(Source.choices)),
            Text(name="time_zone"),
            Person(name="edited_by", path="edited_by_id", is_nullable=True),
        ),
        standard_lists=(
            StandardList("this_week", "This week", (_started("@this_week"),)),
            StandardList("last_week", "Last week", (_started("@last_week"),)),
            StandardList("running", "Running", ({"column": "ended_at", "operator": "is_empty"},)),
            StandardList("today", "Today", (_started("@today"),)),
            StandardList("all", "All"),
        ),
    )
)

REVISIONS: Final = register(
    Table(
        name="revisions",
        entity=Entity.WORKTIME,
        visible=visible_revisions,
        people="author",
        columns=(
            DateTime(name="at", sort_by="at"),
            Choice(name="action", choices=tuple(Action.choices)),
            Person(name="author", path="author_id", is_nullable=True),
            Text(name="reason"),
        ),
        standard_lists=(
            StandardList("all", "All"),
            StandardList(
                "by_system", "By the system", ({"column": "author", "operator": "is_empty"},)
            ),
        ),
    )
)
