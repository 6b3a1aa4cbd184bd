"""What lists of people, roles and branches can be filtered and ordered by."""

from typing import Any, Final

from django.db.models import OuterRef, QuerySet

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
from organizations.cache import visible_branches, visible_roles, visible_users
from organizations.models import BranchAssignment

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
