"""What lists of people, roles and branches can be filtered and ordered by."""

from typing import Any, Final

from django.db.models import Case, OuterRef, QuerySet, Value, When
from django.db.models.functions import Now

from accounts.models import Entity, Language, RoleAssignment
from config.api.tables import (
    Asker,
    Boolean,
    Branch,
    Choice,
    Date,
    DateTime,
    Number,
    Person,
    Role,
    StandardList,
    Table,
    Text,
    register,
)
from organizations.cache import (
    visible_branches,
    visible_invitations,
    visible_join_requests,
    visible_roles,
    visible_users,
)
from organizations.models import BranchAssignment, JoinStatus

ACTIVE: Final = {"column": "is_active", "operator": "equals", "value": True}
INACTIVE: Final = {**ACTIVE, "value": False}


def _roles(asker: Asker) -> QuerySet[Any]:
    return RoleAssignment.objects.filter(
        user=OuterRef("pk"), role__organization_id=asker.organization_id
    )


def _branches(asker: Asker) -> QuerySet[Any]:
    return BranchAssignment.objects.filter(
        user=OuterRef("pk"), branch__organization_id=asker.organization_id
    )


USERS: Final = register(
    Table(
        name="users",
        entity=Entity.USERS,
        visible=visible_users,
        roles="role",
        columns=(
            Person(name="id"),
            Text(name="username", sort_by="username"),
            Text(name="first_name", sort_by="first_name"),
            Text(name="last_name", sort_by="last_name"),
            Text(name="email", sort_by="email"),
            Text(name="phone_number"),
            Text(name="employee_number", sort_by="employee_number"),
            Text(name="country", sort_by="country"),
            Text(name="time_zone"),
            Choice(name="language", choices=tuple(Language.choices)),
            Boolean(name="is_active"),
            Number(name="normal_working_hours", sort_by="normal_working_hours"),
            Date(name="birthday", is_nullable=True, needs=Entity.USERS),
            Role(name="role", path="role_id", rows=_roles),
            Branch(name="branch", path="branch_id", rows=_branches),
            DateTime(name="date_joined", sort_by="date_joined"),
        ),
        standard_lists=(
            StandardList("active", "Active", (ACTIVE,)),
            StandardList("inactive", "Inactive", (INACTIVE,)),
            StandardList("all", "All"),
        ),
    )
)

_INVITATION_STATUS: Final = Case(
    When(accepted_at__isnull=False, then=Value("accepted")),
    When(revoked_at__isnull=False, then=Value("revoked")),
    When(expires_at__gt=Now(), then=Value("open")),
    default=Value("expired"),
)

JOIN_REQUESTS: Final = register(
    Table(
        name="join_requests",
        entity=Entity.JOIN_REQUESTS,
        visible=visible_join_requests,
        people="requester",
        columns=(
            Person(name="requester", path="requester_id", sort_by="requester__username"),
            Choice(name="status", choices=tuple(JoinStatus.choices), sort_by="status"),
            Text(name="message"),
            Text(name="response"),
            Person(name="processed_by", path="processed_by_id", is_nullable=True),
            DateTime(name="processed_at", is_nullable=True),
            Role(name="role", path="role_id", is_nullable=True),
            Branch(name="branch", path="branch_id", is_nullable=True),
            DateTime(name="created_at", sort_by="created_at"),
        ),
        standard_lists=(
            StandardList(
                "pending",
                "Pending",
                ({"column": "status", "operator": "equals", "value": "pending"},),
            ),
            StandardList("all", "All"),
        ),
    )
)

INVITATIONS: Final = register(
    Table(
        name="invitations",
        entity=Entity.INVITATIONS,
        visible=visible_invitations,
        columns=(
            Text(name="email", sort_by="email"),
            Role(name="role", path="role_id", is_nullable=True),
            Branch(name="branch", path="branch_id", is_nullable=True),
            Person(name="invited_by", path="invited_by_id", sort_by="invited_by__username"),
            Choice(
                name="status",
                path=_INVITATION_STATUS,
                choices=(
                    ("open", "Open"),
                    ("accepted", "Accepted"),
                    ("revoked", "Revoked"),
                    ("expired", "Expired"),
                ),
            ),
            DateTime(name="created_at", sort_by="created_at"),
            DateTime(name="expires_at", sort_by="expires_at"),
            DateTime(name="accepted_at", is_nullable=True),
        ),
        standard_lists=(
            StandardList(
                "open", "Open", ({"column": "status", "operator": "equals", "value": "open"},)
            ),
            StandardList("all", "All"),
        ),
    )
)

ROLES: Final = register(
    Table(
        name="roles",
        entity=Entity.ROLES,
        visible=visible_roles,
        columns=(
            Role(name="id"),
            Text(name="name", sort_by="name"),
            Text(name="description"),
            Boolean(name="is_admin"),
            Boolean(name="all_branches"),
        ),
        standard_lists=(StandardList("all", "All"),),
    )
)

BRANCHES: Final = register(
    Table(
        name="branches",
        entity=Entity.BRANCHES,
        visible=visible_branches,
        columns=(
            Branch(name="id"),
            Text(name="name", sort_by="name"),
            Text(name="address"),
            Text(name="city", sort_by="city"),
            Text(name="country", sort_by="country"),
            Text(name="time_zone"),
            Boolean(name="is_active"),
        ),
        standard_lists=(
            StandardList("active", "Active", (ACTIVE,)),
            StandardList("inactive", "Inactive", (INACTIVE,)),
            StandardList("all", "All"),
        ),
    )
)
