"""Founding an organisation."""

from typing import Final

from django.db import IntegrityError, transaction

from accounts.cache import person_fact
from accounts.models import AccessLevel, Entity, Permission, Role, RoleAssignment, User
from accounts.rights import confirm
from accounts.services import lock_person
from config.cache import changed
from config.db.constraints import violated
from config.db.retry import write
from config.errors import DomainError
from organizations.models import Branch, BranchAssignment, Organization, OrganizationSettings
from organizations.services.switching import activate_role, settle_role

NONE, OWN_READ, OWN_BOTH, ALL_READ, ALL_BOTH = AccessLevel

# What a new organisation's roles may do; its Admin may do everything.
DEFAULT_ROLES: Final = {
    "Lead": {
        Entity.WORKTIME: ALL_BOTH,
        Entity.USERS: ALL_READ,
        Entity.ROLES: ALL_READ,
        Entity.BRANCHES: ALL_READ,
        Entity.ORGANIZATION: ALL_READ,
        Entity.JOIN_REQUESTS: ALL_READ,
        Entity.INVITATIONS: OWN_BOTH,
        Entity.FILTER_LISTS: OWN_BOTH,
    },
    "Member": {
        Entity.WORKTIME: OWN_BOTH,
        Entity.USERS: OWN_BOTH,
        Entity.ROLES: OWN_READ,
        Entity.BRANCHES: OWN_READ,
        Entity.ORGANIZATION: ALL_READ,
        Entity.FILTER_LISTS: OWN_BOTH,
    },
}


NAME: Final = "organization_name_any_case"


class NameTaken(DomainError):
    """Another organisation has that name."""

    code = "name_taken"
    detail = "An organisation with this name exists already."


@write
def found_organization(
    *,
    founder: User,
    name: str,
    display_name: str,
    branch_name: str,
    time_zone: str,
    activate: bool = False,
) -> Organization:
    """Found an organisation with its first branch and roles; the founder is its Admin.

    With `activate` the founder acts as that from now on; without, only if they had no active role.
    Raises NameTaken.
    """
    lock_person(founder.pk)
    confirm()
    try:
        with transaction.atomic():
            organization = Organization.objects.create(
                name=name, display_name=display_name, time_zone=time_zone
            )
    except IntegrityError as error:
        raise (NameTaken() if violated(error) == NAME else error) from error
    OrganizationSettings.objects.create(organization=organization)
    branch = Branch.objects.create(organization=organization, name=branch_name)
    admin = Role.objects.create(organization=organization, name="Admin", is_admin=True)
    for role_name, levels in DEFAULT_ROLES.items():
        role = Role.objects.create(organization=organization, name=role_name)
        Permission.objects.bulk_create(
            Permission(role=role, entity=entity, access_level=level)
            for entity, level in levels.items()
        )
    assignment = RoleAssignment.objects.create(user=founder, role=admin)
    BranchAssignment.objects.create(user=founder, branch=branch)
    if activate:
        activate_role(assignment)
    else:
        settle_role(founder.pk, organization.pk)
    changed(person_fact(founder.pk))
    return organization
