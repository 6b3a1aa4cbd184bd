"""What keeps an organisation whole: seats, its last admin, and nobody giving what they lack."""

from collections.abc import Collection, Iterable

from django.db.models.functions import Now

from accounts.cache import Person, load_role, person_fact
from accounts.models import Role, RoleAssignment, User
from accounts.services import lock_person
from config.cache import changed
from config.db import clock
from config.errors import DomainError, InvalidField
from organizations.models import (
    Branch,
    BranchAssignment,
    JoinRequest,
    JoinStatus,
    Organization,
)
from organizations.services.switching import settle_role
from organizations.signals import membership_ended


class LastAdmin(DomainError):
    """Nobody could administer the organisation any more."""

    code = "last_admin"
    detail = "The organisation would lose its last active admin."


class NoSeatLeft(DomainError):
    """The organisation has as many people as its plan allows."""

    code = "no_seat_left"
    detail = "The organisation has as many people as its plan allows."


class SubscriptionEnded(DomainError):
    """The organisation's plan has run out."""

    code = "subscription_ended"
    detail = "The organisation's subscription has ended; nobody can be added."


class ExceedsOwnPermissions(DomainError):
    """Someone would give, change or take away what they may not do themselves."""

    status = 403
    code = "exceeds_own_permissions"
    detail = "This reaches further than your own role."


class PersonInactive(DomainError):
    """A deactivated person can join nothing."""

    code = "person_inactive"
    detail = "This person is deactivated."


def lock_organization(organization_id: int) -> Organization:
    """Return the organisation, locked until COMMIT, so that changes of its members queue."""
    return Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def lock_role(role_id: int) -> None:
    """Lock a role that is about to change, and wait for the writes that it grants just now.

    People whose rows are needed are locked before (`accounts.rights`).
    """
    Role.objects.select_for_update().only("id").get(pk=role_id)


def require_covered(
    editor: Person, roles: Iterable[Role], *, holders: Collection[int] = ()
) -> None:
    """Raise ExceedsOwnPermissions unless the editor's role may give each of `roles` to `holders`.

    `holders` are the ids of the people who hold them or are to: the rule is stricter where the
    editor is one of them (`accounts.cache.may_give`).
    """
    to_oneself = editor.id in holders
    for role in roles:
        if not editor.acting_role.covers(load_role(role), to_oneself=to_oneself):
            raise ExceedsOwnPermissions


def require_admin(organization_id: int) -> None:
    """Raise LastAdmin unless an active person is admin; the organisation is locked."""
    if not RoleAssignment.objects.filter(
        role__organization_id=organization_id, role__is_admin=True, user__is_active=True
    ).exists():
        raise LastAdmin


def require_seat(organization: Organization) -> None:
    """Raise SubscriptionEnded or NoSeatLeft unless one more may join; it is locked."""
    if organization.subscription_end and organization.subscription_end <= clock.now():
        raise SubscriptionEnded
    people = User.objects.filter(
        is_active=True, role_assignments__role__organization=organization
    ).distinct()
    if people.count() >= organization.max_users:
        raise NoSeatLeft(max_users=organization.max_users)


def roles_of(organization_id: int, ids: Iterable[int], field: str = "roles") -> list[Role]:
    """Return these roles of the organisation; raise InvalidField if one is not there."""
    wanted = set(ids)
    roles = list(
        Role.objects.filter(organization_id=organization_id, pk__in=wanted)
        .select_related("organization")
        .order_by("id")
    )
    if len(roles) != len(wanted):
        raise InvalidField(field, "does_not_exist", "The organisation has no such role.")
    return roles


def branches_of(organization_id: int, ids: Iterable[int], field: str = "branches") -> list[Branch]:
    """Return these branches of the organisation; raise InvalidField if one is not there."""
    wanted = set(ids)
    branches = list(
        Branch.objects.filter(organization_id=organization_id, pk__in=wanted).order_by("id")
    )
    if len(branches) != len(wanted):
        raise InvalidField(field, "does_not_exist", "The organisation has no such branch.")
    return branches


def require_branches(editor: Person, branches: Iterable[Branch]) -> None:
    """Raise ExceedsOwnPermissions unless the editor's role covers these branches."""
    covered = editor.acting_role.branches
    if covered is not None and any(branch.id not in covered for branch in branches):
        raise ExceedsOwnPermissions


def join(
    *,
    user_id: int,
    organization: Organization,
    roles: Iterable[Role],
    branches: Iterable[Branch] = (),
) -> None:
    """Give a person roles and branches of the locked organisation; again changes nothing.

    Their active role stays, if they have one; a request of theirs to join is closed.
    Raises PersonInactive, SubscriptionEnded, NoSeatLeft.
    """
    user = lock_person(user_id)
    if not user.is_active:
        raise PersonInactive
    if not user.role_assignments.filter(role__organization=organization).exists():
        require_seat(organization)
    for role in roles:
        RoleAssignment.objects.get_or_create(user=user, role=role)
    for branch in branches:
        BranchAssignment.objects.get_or_create(user=user, branch=branch)
    close_request(user.id, organization.id)
    settle_role(user.id, organization.id)
    changed(person_fact(user.id))


def close_request(user_id: int, organization_id: int) -> None:
    """Withdraw what a person still asks, who has joined the organisation meanwhile."""
    JoinRequest.objects.filter(
        requester_id=user_id, organization_id=organization_id, status=JoinStatus.PENDING
    ).update(status=JoinStatus.WITHDRAWN, processed_at=Now())


def part(*, user_id: int, organization_id: int, author_id: int | None) -> None:
    """Take from a person without roles there what else they have of the locked organisation."""
    BranchAssignment.objects.filter(
        user_id=user_id, branch__organization_id=organization_id
    ).delete()
    changed(person_fact(user_id))
    membership_ended.send(
        Organization, user_id=user_id, organization_id=organization_id, author_id=author_id
    )
