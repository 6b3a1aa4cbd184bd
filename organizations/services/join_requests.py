"""Asking to join an organisation, and the answer."""

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404

from accounts.cache import Person, Reach
from accounts.models import Entity, RoleAssignment
from accounts.services import lock_person
from config.db import clock
from config.db.constraints import violated
from config.db.retry import write
from config.errors import DomainError, InvalidField
from organizations.cache import visible_join_requests
from organizations.models import JoinRequest, JoinStatus, Organization
from organizations.services.membership import (
    branches_of,
    join,
    lock_organization,
    require_branches,
    require_covered,
    roles_of,
)


class AlreadyMember(DomainError):
    """The person belongs to the organisation."""

    code = "already_member"
    detail = "This person belongs to the organisation already."


class AlreadyRequested(DomainError):
    """A request of the same person is pending there."""

    code = "already_requested"
    detail = "You have asked to join this organisation already."


class AlreadyProcessed(DomainError):
    """The request was approved, rejected or withdrawn."""

    code = "already_processed"
    detail = "This request is not pending any more."


@write
def request_to_join(*, person: Person, organization_id: int, message: str = "") -> JoinRequest:
    """Ask to join an active organisation; raise InvalidField, AlreadyMember, AlreadyRequested."""
    organization = Organization.objects.filter(pk=organization_id, is_active=True).first()
    if organization is None:
        raise InvalidField("organization", "does_not_exist", "There is no such organisation.")
    lock_person(person.id)
    held = RoleAssignment.objects.filter(user_id=person.id, role__organization=organization)
    if held.exists():
        raise AlreadyMember
    try:
        with transaction.atomic():
            return JoinRequest.objects.create(
                organization=organization, requester_id=person.id, message=message
            )
    except IntegrityError as error:
        known = violated(error) == "one_pending_join_request"
        raise (AlreadyRequested() if known else error) from error


@write
def approve_join_request(
    *,
    editor: Person,
    request_id: int,
    role_id: int,
    branch_id: int | None = None,
    response: str = "",
) -> JoinRequest:
    """Let the requester join with a role that the editor's own covers, and a branch.

    Raises Http404, PermissionDenied, AlreadyProcessed, ExceedsOwnPermissions, InvalidField,
    PersonInactive, NoSeatLeft, SubscriptionEnded.
    """
    organization = lock_organization(editor.acting_role.organization_id)
    request = _pending(editor, request_id)
    roles = roles_of(organization.id, [role_id], "role")
    require_covered(editor, roles, holders=[request.requester_id])
    branches = branches_of(organization.id, [branch_id] if branch_id else [], "branch")
    require_branches(editor, branches)
    join(user_id=request.requester_id, organization=organization, roles=roles, branches=branches)
    request.role, request.branch = roles[0], branches[0] if branches else None
    return _close(request, JoinStatus.APPROVED, editor.id, response)


@write
def reject_join_request(*, editor: Person, request_id: int, response: str = "") -> JoinRequest:
    """Refuse a request; raise Http404, PermissionDenied, AlreadyProcessed."""
    lock_organization(editor.acting_role.organization_id)
    return _close(_pending(editor, request_id), JoinStatus.REJECTED, editor.id, response)


@write
def withdraw_join_request(*, person: Person, request_id: int) -> JoinRequest:
    """Take one's own request back; raise Http404, PermissionDenied, AlreadyProcessed."""
    request = _locked(person, request_id)
    if request.requester_id != person.id:
        raise PermissionDenied
    if request.status != JoinStatus.PENDING:
        raise AlreadyProcessed
    return _close(request, JoinStatus.WITHDRAWN, person.id, "")


def _locked(person: Person, request_id: int) -> JoinRequest:
    visible = visible_join_requests(person).select_for_update(of=("self",), no_key=True)
    request = visible.filter(pk=request_id).first()
    if request is None:
        raise Http404
    return request


def _pending(editor: Person, request_id: int) -> JoinRequest:
    request = _locked(editor, request_id)
    if (
        editor.writes(Entity.JOIN_REQUESTS) < Reach.ALL
        or request.organization_id != editor.acting_role.organization_id
    ):
        raise PermissionDenied
    if request.status != JoinStatus.PENDING:
        raise AlreadyProcessed
    return request


def _close(request: JoinRequest, status: JoinStatus, by: int, response: str) -> JoinRequest:
    request.status, request.response = status, response
    request.processed_by_id, request.processed_at = by, clock.now()
    request.save()
    return request
