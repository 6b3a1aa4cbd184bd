"""The people of an organisation: adding, changing and deactivating them, their roles, branches."""

from collections.abc import Iterable, Mapping, Set
from typing import Any, Final

from django.http import Http404

from accounts.cache import Person, Reach, person_fact
from accounts.models import Entity, Role, RoleAssignment, User
from accounts.rights import confirm
from accounts.services import (
    EmailTaken,
    create_person,
    lock_person,
    release_addresses,
    shut_out,
)
from config.cache import changed
from config.db.retry import write
from config.errors import DomainError
from organizations.cache import visible_users
from organizations.models import BranchAssignment, Organization
from organizations.services.membership import (
    ExceedsOwnPermissions,
    branches_of,
    join,
    lock_organization,
    part,
    require_admin,
    require_branches,
    require_covered,
    require_seat,
    roles_of,
)
from organizations.services.switching import settle_branch, settle_role
from organizations.signals import membership_ended

# What people may change of themselves: the fields of the profile.
OWN_FIELDS: Final = frozenset(
    {
        "first_name",
        "last_name",
        "phone_number",
        "language",
        "country",
        "time_zone",
        "birthday",
        "bank_details",
    }
)


# What people are paid by: another admin changes it, if there is one.
TERMS: Final = frozenset({"employee_number", "normal_working_hours"})


class OwnTerms(DomainError):
    """Somebody would decide what they are paid by."""

    status = 403
    code = "own_terms"
    detail = "Another admin has to change your own terms of employment."


class BelongsElsewhere(DomainError):
    """The person belongs to other organisations too."""

    code = "belongs_elsewhere"
    detail = "This person belongs to other organisations too; take their roles here instead."


@write
def add_person(
    *,
    editor: Person,
    fields: Mapping[str, Any],
    role_ids: Iterable[int],
    branch_ids: Iterable[int] = (),
) -> User:
    """Make a new person with roles and branches in the editor's organisation, and return them.

    They have no password: they set one by “forgot password”. Raises UsernameTaken, EmailTaken,
    ExceedsOwnPermissions, SubscriptionEnded, NoSeatLeft, InvalidField.
    """
    if editor.writes(Entity.USERS) < Reach.ALL:
        raise ExceedsOwnPermissions
    organization = lock_organization(editor.acting_role.organization_id)
    roles = roles_of(organization.id, role_ids)
    require_covered(editor, roles)
    branches = branches_of(organization.id, branch_ids)
    require_branches(editor, branches)
    require_new_address(organization.id, fields["email"])
    user = create_person(fields)
    join(user_id=user.id, organization=organization, roles=roles, branches=branches)
    return user


def require_new_address(organization_id: int, email: str) -> None:
    """Raise EmailTaken if a member of the organisation has this address; it is locked."""
    members = User.objects.filter(role_assignments__role__organization_id=organization_id)
    if members.filter(email=email.lower()).exists():
        raise EmailTaken


@write
def update_person(*, editor: Person, user_id: int, changes: Mapping[str, Any]) -> User:
    """Change a person whom the editor may change, and return them.

    `is_active` deactivates or brings back. Raises Http404, ExceedsOwnPermissions, OwnTerms,
    BelongsElsewhere, LastAdmin, NoSeatLeft, SubscriptionEnded.
    """
    is_active = changes.get("is_active")
    organization = lock_organization(editor.acting_role.organization_id)
    _require_visible(editor, user_id)
    user = lock_person(user_id, ends_rights=is_active is False)
    confirm()
    if user_id == editor.id:
        _require_own_fields(editor, changes.keys())
    elif editor.writes(Entity.USERS) < Reach.ALL:
        raise ExceedsOwnPermissions
    if is_active is not None and user.is_active != is_active:
        _require_ours(editor, user)
        set_active(user=user, organizations=[organization], is_active=is_active, by=editor.id)
    fields = {name: value for name, value in changes.items() if name != "is_active"}
    for name, value in fields.items():
        setattr(user, name, value)
    user.save(update_fields=[*fields, "updated_at"])
    changed(person_fact(user_id))
    return user


@write
def set_active(
    *, user: User, organizations: Iterable[Organization], is_active: bool, by: int | None
) -> None:
    """Deactivate a person or bring them back; they and their organisations are locked.

    Who is deactivated loses sessions and tokens, and what runs for them ends.
    Raises LastAdmin, NoSeatLeft, SubscriptionEnded.
    """
    if is_active:
        for organization in organizations:
            require_seat(organization)
    User.objects.filter(pk=user.pk).update(is_active=is_active)
    user.is_active = is_active
    changed(person_fact(user.pk))
    if is_active:
        return
    shut_out(user_id=user.pk)
    release_addresses(user.pk)
    for organization in organizations:
        require_admin(organization.id)
        membership_ended.send(
            Organization, user_id=user.pk, organization_id=organization.id, author_id=by
        )


@write
def replace_roles(*, editor: Person, user_id: int, role_ids: Iterable[int]) -> None:
    """Make these the person's roles in the editor's organisation; none of them means leaving.

    Everybody can give up their own, and nothing more unless they write all users.
    Raises Http404, InvalidField, ExceedsOwnPermissions, LastAdmin.
    """
    organization = lock_organization(editor.acting_role.organization_id)
    if user_id != editor.id:
        _require_visible(editor, user_id)
    user = lock_person(user_id)
    confirm()
    wanted = roles_of(organization.id, role_ids)
    held = list(
        Role.objects.filter(organization=organization, assignments__user=user).select_related(
            "organization"
        )
    )
    added = [role for role in wanted if role not in held]
    removed = [role for role in held if role not in wanted]
    if editor.writes(Entity.USERS) < Reach.ALL:
        if user_id != editor.id or added:
            raise ExceedsOwnPermissions
    else:
        require_covered(editor, added, holders=[user_id])
        # Anyone may give up what they hold.
        require_covered(editor, () if user_id == editor.id else removed)
    RoleAssignment.objects.filter(user=user, role__in=removed).delete()
    RoleAssignment.objects.bulk_create(RoleAssignment(user=user, role=role) for role in added)
    if not wanted:
        part(user_id=user.id, organization_id=organization.id, author_id=editor.id)
    settle_role(user.id, organization.id)
    changed(person_fact(user.id))
    require_admin(organization.id)


@write
def replace_branches(*, editor: Person, user_id: int, branch_ids: Iterable[int]) -> None:
    """Make these the person's branches in the editor's organisation.

    Raises Http404, InvalidField, ExceedsOwnPermissions.
    """
    if editor.writes(Entity.USERS) < Reach.ALL:
        raise ExceedsOwnPermissions
    organization = lock_organization(editor.acting_role.organization_id)
    _require_visible(editor, user_id)
    user = lock_person(user_id)
    wanted = branches_of(organization.id, branch_ids)
    held = {
        each.branch_id: each.branch
        for each in BranchAssignment.objects.filter(
            user=user, branch__organization=organization
        ).select_related("branch")
    }
    added = [branch for branch in wanted if branch.id not in held]
    removed = [branch for branch in held.values() if branch not in wanted]
    require_branches(editor, [*added, *removed])
    BranchAssignment.objects.filter(user=user, branch__in=removed).delete()
    BranchAssignment.objects.bulk_create(
        BranchAssignment(user=user, branch=branch) for branch in added
    )
    settle_branch(user.id)
    changed(person_fact(user.id))


def _require_own_fields(editor: Person, names: Set[str]) -> None:
    """Raise unless a person may change these fields of themselves; the organisation is locked."""
    if editor.writes(Entity.USERS) < Reach.ALL and not names <= OWN_FIELDS:
        raise ExceedsOwnPermissions
    if not names & TERMS:
        return
    others = RoleAssignment.objects.filter(
        role__organization_id=editor.acting_role.organization_id,
        role__is_admin=True,
        user__is_active=True,
    ).exclude(user_id=editor.id)
    if others.exists():
        raise OwnTerms


def _require_visible(editor: Person, user_id: int) -> None:
    if not visible_users(editor).filter(pk=user_id).exists():
        raise Http404


def _require_ours(editor: Person, user: User) -> None:
    """Raise unless the editor's organisation alone decides whether the person may log in."""
    roles = list(Role.objects.filter(assignments__user=user).select_related("organization"))
    if any(role.organization_id != editor.acting_role.organization_id for role in roles):
        raise BelongsElsewhere
    if user.is_staff:
        raise ExceedsOwnPermissions
    require_covered(editor, roles)
