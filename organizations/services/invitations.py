"""Inviting people by e-mail. The token is in the mail alone; stored is its hash."""

import hashlib
import secrets
from datetime import timedelta
from functools import partial
from typing import Final

from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404

from accounts.cache import Person, Reach
from accounts.lookups import holder_of
from accounts.models import Entity
from config.db import clock
from config.db.constraints import violated
from config.db.retry import write
from config.errors import DomainError
from organizations.cache import may_invite, unconfirmed, visible_invitations
from organizations.mail import Letter, send_invitation
from organizations.models import Invitation, Organization
from organizations.services.join_requests import AlreadyMember
from organizations.services.membership import (
    ExceedsOwnPermissions,
    branches_of,
    join,
    lock_organization,
    require_branches,
    require_covered,
    roles_of,
)

VALID_FOR: Final = timedelta(days=14)


class AlreadyInvited(DomainError):
    """An invitation of that e-mail address is open."""

    code = "already_invited"
    detail = "This address is invited already; send the invitation again or revoke it."


class InvitationClosed(DomainError):
    """The invitation was accepted or revoked, or has expired."""

    code = "invitation_closed"
    detail = "This invitation was used or revoked, or has expired."


class InvitationUnconfirmed(DomainError):
    """Whoever sent the invitation could not give its role any more."""

    code = "invitation_unconfirmed"
    detail = (
        "The person who invited you may not give this role any more. "
        "Ask the organisation to send the invitation again."
    )


class EmailNotVerified(DomainError):
    """The invited address is not a verified one of who accepts."""

    status = 403
    code = "email_not_verified"
    detail = "Verify the e-mail address that was invited first."


@write
def invite(*, editor: Person, email: str, role_id: int, branch_id: int | None = None) -> Invitation:
    """Invite an address to a role that the editor's own covers; the mail goes out after COMMIT.

    An expired invitation of the same address is closed. Raises AlreadyMember, AlreadyInvited,
    ExceedsOwnPermissions, InvalidField.
    """
    if not may_invite(editor.acting_role):
        raise ExceedsOwnPermissions
    organization = lock_organization(editor.acting_role.organization_id)
    roles = roles_of(organization.id, [role_id], "role")
    require_covered(editor, roles)
    branches = branches_of(organization.id, [branch_id] if branch_id else [], "branch")
    require_branches(editor, branches)
    email = email.lower()
    holder = holder_of(email)
    if holder and holder.role_assignments.filter(role__organization=organization).exists():
        raise AlreadyMember
    now = clock.now()
    Invitation.objects.filter(
        organization=organization,
        email=email,
        accepted_at=None,
        revoked_at=None,
        expires_at__lte=now,
    ).update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                organization=organization,
                email=email,
                role=roles[0],
                branch=branches[0] if branches else None,
                invited_by_id=editor.id,
                token_hash=_hash(token),
                expires_at=now + VALID_FOR,
            )
    except IntegrityError as error:
        known = violated(error) == "one_open_invitation"
        raise (AlreadyInvited() if known else error) from error
    _mail(invitation, organization, token)
    return invitation


@write
def resend_invitation(*, editor: Person, invitation_id: int) -> Invitation:
    """Mail a new token, which replaces the old one and is valid for as long as a first one.

    It is the editor's invitation from now on, so theirs must be the right to give its role.
    Raises Http404, PermissionDenied, InvitationClosed, ExceedsOwnPermissions.
    """
    organization, invitation = _writable(editor, invitation_id)
    if invitation.accepted_at or invitation.revoked_at or invitation.role is None:
        raise InvitationClosed
    require_covered(editor, [invitation.role])
    require_branches(editor, [invitation.branch] if invitation.branch else [])
    invitation.invited_by_id = editor.id
    token = secrets.token_urlsafe(32)
    invitation.token_hash = _hash(token)
    invitation.expires_at = clock.now() + VALID_FOR
    invitation.mailed_at, invitation.mail_error = None, ""
    invitation.save()
    _mail(invitation, organization, token)
    return invitation


@write
def revoke_invitation(*, editor: Person, invitation_id: int) -> Invitation:
    """Make an invitation worthless; again changes nothing.

    Raises Http404, PermissionDenied, InvitationClosed if it was accepted.
    """
    _, invitation = _writable(editor, invitation_id)
    if invitation.accepted_at:
        raise InvitationClosed
    if invitation.revoked_at is None:
        invitation.revoked_at = clock.now()
        invitation.save()
    return invitation


@write
def accept_invitation(*, person: Person, token: str) -> Invitation:
    """Join with the invitation's role and branch; again returns the same.

    Raises Http404, EmailNotVerified, InvitationClosed, InvitationUnconfirmed, PersonInactive,
    NoSeatLeft, SubscriptionEnded.
    """
    known = Invitation.objects.filter(token_hash=_hash(token))
    organization_id = known.values_list("organization_id", flat=True).first()
    if organization_id is None:
        raise Http404
    organization = lock_organization(organization_id)
    invitation = known.select_related("role__organization", "branch").first()
    if invitation is None:
        # Sent again meanwhile: the newer mail counts.
        raise Http404
    if invitation.accepted_by_id == person.id:
        return invitation
    verified = EmailAddress.objects.filter(
        user_id=person.id, verified=True, email=invitation.email.lower()
    )
    if not verified.exists():
        raise EmailNotVerified
    now = clock.now()
    if (
        invitation.accepted_at
        or invitation.revoked_at
        or invitation.expires_at <= now
        or invitation.role is None
        or not organization.is_active
    ):
        raise InvitationClosed
    # Whoever takes the author's right away locks the organisation too.
    if unconfirmed([invitation], person.id):
        raise InvitationUnconfirmed
    join(
        user_id=person.id,
        organization=organization,
        roles=[invitation.role],
        branches=[invitation.branch] if invitation.branch else [],
    )
    invitation.accepted_at, invitation.accepted_by_id = now, person.id
    invitation.save()
    return invitation


@write
def record_mail(invitation_id: int, token_hash: str, error: str) -> None:
    """Keep what became of a mail, unless a newer one is on its way."""
    Invitation.objects.filter(pk=invitation_id, token_hash=token_hash).update(
        mailed_at=None if error else clock.now(), mail_error=error
    )


def _writable(editor: Person, invitation_id: int) -> tuple[Organization, Invitation]:
    organization = lock_organization(editor.acting_role.organization_id)
    invitation = visible_invitations(editor).filter(pk=invitation_id).first()
    if invitation is None:
        raise Http404
    if editor.writes(Entity.INVITATIONS) < Reach.ALL and invitation.invited_by_id != editor.id:
        raise PermissionDenied
    return organization, invitation


def _mail(invitation: Invitation, organization: Organization, token: str) -> None:
    letter = Letter(
        to=invitation.email,
        organization=organization.display_name,
        role=invitation.role.name if invitation.role else "",
        token=token,
        expires_at=invitation.expires_at,
    )
    outcome = partial(record_mail, invitation.id, invitation.token_hash)
    transaction.on_commit(partial(send_invitation, letter, outcome), robust=True)


def _hash(token: str) -> str:
    # The token is random, long and used once: a plain hash is enough.
    return hashlib.sha256(token.encode()).hexdigest()
