"""What a person acts as: the active role and the active branch."""

from django.db.models import F, QuerySet

from accounts.cache import person_fact
from accounts.models import Role, RoleAssignment
from accounts.rights import confirm
from accounts.services import lock_person
from config.cache import changed
from config.db import clock
from config.db.retry import write
from config.errors import InvalidField
from organizations.models import BranchAssignment


@write
def switch_role(*, user_id: int, role_id: int) -> None:
    """Make a held role the active one; the active branch moves along where it has to.

    Raises InvalidField for a role that the person does not hold.
    """
    lock_person(user_id)
    confirm()
    assignment = (
        RoleAssignment.objects.filter(user_id=user_id, role_id=role_id)
        .select_related("role__organization")
        .first()
    )
    if assignment is None:
        raise InvalidField("role", "does_not_exist", "You hold no such role.")
    activate_role(assignment)


@write
def switch_branch(*, user_id: int, branch_id: int) -> None:
    """Make an assigned branch the active one; the active role must cover it.

    Raises InvalidField for any other branch.
    """
    lock_person(user_id)
    active = _active_role(user_id)
    assignment = None
    if active is not None:
        assignment = _usable(user_id, active).filter(branch_id=branch_id).first()
    if assignment is None:
        raise InvalidField("branch", "does_not_exist", "Your role may use no such branch.")
    _activate_branch(assignment)


def activate_role(assignment: RoleAssignment) -> None:
    """Make it the person's active role; the person's row is locked."""
    # Locked exclusively: what is being written in the former role commits before.
    active = RoleAssignment.objects.select_for_update().filter(
        user_id=assignment.user_id, is_active_role=True
    )
    for former in active.exclude(pk=assignment.pk):
        former.is_active_role = False
        former.save(update_fields=["is_active_role", "updated_at"])
    assignment.is_active_role, assignment.last_used_at = True, clock.now()
    assignment.save(update_fields=["is_active_role", "last_used_at", "updated_at"])
    changed(person_fact(assignment.user_id))
    settle_branch(assignment.user_id)


def settle_role(user_id: int, organization_id: int) -> None:
    """Give a person without an active role the last used one, of the organisation first."""
    held = RoleAssignment.objects.filter(user_id=user_id)
    if held.filter(is_active_role=True).exists():
        settle_branch(user_id)
        return
    order = (F("last_used_at").desc(nulls_last=True), "id")
    candidates = held.select_related("role__organization").order_by(*order)
    best = candidates.filter(role__organization_id=organization_id).first() or candidates.first()
    if best is None:
        settle_branch(user_id)
    else:
        activate_role(best)


def settle_branch(user_id: int) -> None:
    """Keep the active branch if the active role may use it; else take the last used, or none."""
    role = _active_role(user_id)
    if role is not None:
        usable = _usable(user_id, role)
        if usable.filter(is_active_branch=True).exists():
            return
        best = usable.order_by(F("last_used_at").desc(nulls_last=True), "id").first()
        if best is not None:
            _activate_branch(best)
            return
    BranchAssignment.objects.filter(user_id=user_id, is_active_branch=True).update(
        is_active_branch=False
    )
    changed(person_fact(user_id))


def _active_role(user_id: int) -> Role | None:
    return Role.objects.filter(
        assignments__user_id=user_id, assignments__is_active_role=True
    ).first()


def _usable(user_id: int, role: Role) -> QuerySet[BranchAssignment]:
    assignments = BranchAssignment.objects.filter(
        user_id=user_id, branch__organization_id=role.organization_id, branch__is_active=True
    )
    if role.is_admin or role.all_branches:
        return assignments
    return assignments.filter(branch__in=role.branches.values("id"))


def _activate_branch(assignment: BranchAssignment) -> None:
    BranchAssignment.objects.filter(user_id=assignment.user_id, is_active_branch=True).exclude(
        pk=assignment.pk
    ).update(is_active_branch=False)
    assignment.is_active_branch, assignment.last_used_at = True, clock.now()
    assignment.save(update_fields=["is_active_branch", "last_used_at", "updated_at"])
    changed(person_fact(assignment.user_id))
