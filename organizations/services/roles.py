"""The roles of an organisation and what they may do."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.http import Http404

from accounts.cache import Person, organization_fact
from accounts.models import AccessLevel, Permission, Role, RoleAssignment
from accounts.rights import confirm
from accounts.services import lock_person
from config.cache import changed
from config.db.constraints import violated
from config.db.retry import write
from config.errors import DomainError
from organizations.models import Invitation, Organization
from organizations.services.membership import (
    branches_of,
    lock_organization,
    lock_role,
    require_admin,
    require_covered,
)
from organizations.services.switching import settle_branch


class RoleNameTaken(DomainError):
    """The organisation has a role of that name."""

    code = "role_name_taken"
    detail = "The organisation has a role of this name already."


class RoleInUse(DomainError):
    """Somebody holds the role, or is invited to it."""

    code = "role_in_use"
    detail = "Somebody holds this role or is invited to it."


@write
def create_role(*, editor: Person, fields: Mapping[str, Any]) -> Role:
    """Make a role in the editor's organisation and return it.

    `fields` are columns, `branches` (ids) and `permissions` (entity: level).
    Raises RoleNameTaken, ExceedsOwnPermissions, InvalidField.
    """
    organization = lock_organization(editor.acting_role.organization_id)
    role = Role(organization=organization)
    _apply(role, fields)
    require_covered(editor, [role])
    return role


@write
def update_role(*, editor: Person, role_id: int, changes: Mapping[str, Any]) -> Role:
    """Change a role of the editor's organisation and return it; see `create_role`.

    Neither the role as it was nor as it becomes may exceed the editor's own.
    Raises Http404, RoleNameTaken, ExceedsOwnPermissions, LastAdmin, InvalidField.
    """
    organization = lock_organization(editor.acting_role.organization_id)
    held = RoleAssignment.objects.filter(role_id=role_id, role__organization=organization)
    moved: list[int] = []
    if {"branches", "all_branches", "is_admin"} & changes.keys():
        moved = sorted(held.filter(is_active_role=True).values_list("user_id", flat=True))
    for user_id in moved:
        lock_person(user_id)
    confirm()
    role = _role(organization, role_id)
    holders = set(held.values_list("user_id", flat=True))
    require_covered(editor, [role], holders=holders)
    lock_role(role.id)
    _apply(role, changes)
    require_covered(editor, [role], holders=holders)
    require_admin(organization.id)
    for user_id in moved:
        settle_branch(user_id)
    return role


@write
def delete_role(*, editor: Person, role_id: int) -> None:
    """Delete a role that nobody holds or is invited to.

    Raises Http404, ExceedsOwnPermissions, RoleInUse.
    """
    organization = lock_organization(editor.acting_role.organization_id)
    role = _role(organization, role_id)
    require_covered(editor, [role])
    if Invitation.objects.filter(role=role, accepted_at=None, revoked_at=None).exists():
        raise RoleInUse
    try:
        role.delete()
    except ProtectedError as error:
        raise RoleInUse from error
    changed(organization_fact(organization.id))


def _role(organization: Organization, role_id: int) -> Role:
    role = organization.roles.select_related("organization").filter(pk=role_id).first()
    if role is None:
        raise Http404
    return role


def _apply(role: Role, changes: Mapping[str, Any]) -> None:
    columns = dict(changes)
    branch_ids: Iterable[int] | None = columns.pop("branches", None)
    permissions: Mapping[str, str] = columns.pop("permissions", {})
    for name, value in columns.items():
        setattr(role, name, value)
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError as error:
        known = violated(error) == "role_name_in_organization"
        raise (RoleNameTaken() if known else error) from error
    if branch_ids is not None:
        role.branches.set(branches_of(role.organization_id, branch_ids))
    for entity, level in permissions.items():
        if level == AccessLevel.NONE:
            Permission.objects.filter(role=role, entity=entity).delete()
        else:
            Permission.objects.update_or_create(
                role=role, entity=entity, defaults={"access_level": level}
            )
    changed(organization_fact(role.organization_id))
