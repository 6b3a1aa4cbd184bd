"""The branches of an organisation."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.http import Http404

from accounts.cache import Person, Reach, organization_fact
from accounts.models import Entity
from config.cache import changed
from config.db.constraints import violated
from config.db.retry import write
from config.errors import DomainError
from organizations.cache import visible_branches
from organizations.models import Branch
from organizations.services.membership import ExceedsOwnPermissions, lock_organization


class BranchNameTaken(DomainError):
    """The organisation has a branch of that name."""

    code = "branch_name_taken"
    detail = "The organisation has a branch of this name already."


class BranchInUse(DomainError):
    """Somebody works or has worked there."""

    code = "branch_in_use"
    detail = "Somebody works or has worked in this branch; deactivate it instead."


@write
def create_branch(*, editor: Person, fields: Mapping[str, Any]) -> Branch:
    """Make a branch in the editor's organisation and return it.

    Raises BranchNameTaken, and ExceedsOwnPermissions for whose role is not for all branches.
    """
    role = editor.acting_role
    if editor.writes(Entity.BRANCHES) < Reach.ALL or role.branches is not None:
        raise ExceedsOwnPermissions
    return _save(Branch(organization=lock_organization(role.organization_id)), fields)


@write
def update_branch(*, editor: Person, branch_id: int, changes: Mapping[str, Any]) -> Branch:
    """Change a branch that the editor may see, and return it; raise Http404, BranchNameTaken."""
    return _save(_branch(editor, branch_id), changes)


@write
def delete_branch(*, editor: Person, branch_id: int) -> None:
    """Delete a branch that nobody ever used; raise Http404, BranchInUse."""
    branch = _branch(editor, branch_id)
    try:
        branch.delete()
    except ProtectedError as error:
        raise BranchInUse from error
    changed(organization_fact(branch.organization_id))


def _branch(editor: Person, branch_id: int) -> Branch:
    lock_organization(editor.acting_role.organization_id)
    branch = visible_branches(editor).filter(pk=branch_id).first()
    if branch is None:
        raise Http404
    return branch


def _save(branch: Branch, changes: Mapping[str, Any]) -> Branch:
    for name, value in changes.items():
        setattr(branch, name, value)
    try:
        with transaction.atomic():
            branch.save()
    except IntegrityError as error:
        known = violated(error) == "branch_name_in_organization"
        raise (BranchNameTaken() if known else error) from error
    changed(organization_fact(branch.organization_id))
    return branch
