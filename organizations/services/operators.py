"""What the platform's operators change by forms, and what follows from it in organisations."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from accounts.cache import organization_fact, person_fact
from accounts.models import Role, RoleAssignment, User
from accounts.services import lock_person, set_email
from config.cache import changed
from config.db import clock
from config.db.retry import write
from config.errors import DomainError
from organizations.models import Branch, Organization
from organizations.services.membership import (
    close_request,
    lock_organization,
    lock_role,
    part,
    require_admin,
    require_seat,
)
from organizations.services.people import set_active
from organizations.services.switching import settle_branch, settle_role
from organizations.signals import organization_closed

__all__ = [
    "begin_role_change",
    "branch_changed",
    "membership_of",
    "organization_changed",
    "role_changed",
    "set_activity",
    "set_email",
]


class NotAMember(DomainError):
    """A branch is of an organisation to which the person does not belong."""

    detail = "The person has no role in the organisation of one of these branches."


@contextmanager
def membership_of(user: User, chosen: Iterable[int]) -> Iterator[None]:
    """Let the block change a person's branches and roles; new ones are in `chosen` organisations.

    Raises NoSeatLeft, SubscriptionEnded, LastAdmin and NotAMember, all in the transaction of the
    caller.
    """
    before = _organizations_of(user.pk)
    organizations = {each: lock_organization(each) for each in sorted({*before, *chosen})}
    lock_person(user.pk, ends_rights=True)
    if user.is_active:
        for added in set(chosen) - before:
            require_seat(organizations[added])
    yield
    after = _organizations_of(user.pk)
    for organization_id in sorted(before - after):
        part(user_id=user.pk, organization_id=organization_id, author_id=None)
    for organization_id in sorted(after - before):
        close_request(user.pk, organization_id)
    for organization_id in sorted(before):
        require_admin(organization_id)
    if user.branch_assignments.exclude(branch__organization__in=after).exists():
        raise NotAMember
    settle_role(user.pk, next(iter(sorted(after)), 0))
    changed(person_fact(user.pk))


@write
def set_activity(*, user_id: int, is_active: bool) -> None:
    """Deactivate a person everywhere, or bring them back; see `set_active` for what it raises."""
    organizations = [lock_organization(each) for each in sorted(_organizations_of(user_id))]
    user = lock_person(user_id, ends_rights=True)
    # The form has saved it; a person who is back must not count as one more already.
    User.objects.filter(pk=user_id).update(is_active=not is_active)
    set_active(user=user, organizations=organizations, is_active=is_active, by=None)


def begin_role_change(role: Role) -> None:
    """Lock what changing a stored role takes, before it changes."""
    lock_organization(role.organization_id)
    for user_id in sorted(role.assignments.values_list("user_id", flat=True)):
        lock_person(user_id)
    lock_role(role.pk)


def role_changed(role: Role) -> None:
    """Settle what follows from a changed role, `begin_role_change` was before; raise LastAdmin."""
    require_admin(role.organization_id)
    _settle(role.assignments.values_list("user_id", flat=True))
    changed(organization_fact(role.organization_id))


def branch_changed(branch: Branch) -> None:
    """Settle what follows from a changed branch, for those who are assigned to it."""
    _settle(branch.assignments.values_list("user_id", flat=True))
    changed(organization_fact(branch.organization_id))


def organization_changed(organization: Organization, *, was_closed: bool) -> None:
    """Say that an organisation's card is another one; what runs in one just closed ends."""
    changed(organization_fact(organization.pk))
    if not was_closed:
        return
    members = RoleAssignment.objects.filter(role__organization=organization).values("user_id")
    # A write that its roles grant just now is waited for; a later one finds it closed.
    list(User.objects.select_for_update(no_key=True).filter(pk__in=members).order_by("id"))
    roles = Role.objects.filter(organization=organization)
    list(roles.select_for_update().order_by("id"))
    roles.update(updated_at=clock.now())
    organization_closed.send(Organization, organization_id=organization.pk)


def _settle(people: Iterable[int]) -> None:
    for user_id in sorted(people):
        lock_person(user_id)
        settle_branch(user_id)
        changed(person_fact(user_id))


def _organizations_of(user_id: int) -> set[int]:
    return set(
        Role.objects.filter(assignments__user_id=user_id).values_list("organization_id", flat=True)
    )
