"""Writes about people that concern no organisation: accounts, profile, look, tokens."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import Http404
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts.cache import person_fact
from accounts.lookups import claimants_of, holder_of
from accounts.models import ApiToken, User, UserSettings
from accounts.rights import confirm
from config.cache import changed
from config.db import clock
from config.db.constraints import violated
from config.db.retry import write
from config.errors import DomainError, InvalidField

DEFAULT_VALIDITY: Final = timedelta(days=90)
LONGEST_VALIDITY: Final = timedelta(days=366)
MOST_TOKENS: Final = 50
USERNAME: Final = {"user_username_any_case", "accounts_user_username_key"}


class TooManyTokens(DomainError):
    """The person has as many tokens as anybody may have."""

    code = "too_many_tokens"
    detail = f"You have {MOST_TOKENS} tokens already; revoke one first."


class UsernameTaken(DomainError):
    """Somebody has that user name."""

    code = "username_taken"
    detail = "Somebody has this user name already."


class EmailTaken(DomainError):
    """Somebody has that e-mail address."""

    code = "email_taken"
    detail = "Somebody has this e-mail address already; invite them instead."


def lock_person(user_id: int, *, ends_rights: bool = False) -> User:
    """Return the person, locked: concurrent writes about one person queue here.

    With `ends_rights` it also waits for the writes that they have under way (`accounts.rights`).
    """
    return User.objects.select_for_update(no_key=not ends_rights).get(pk=user_id)


def create_person(fields: Mapping[str, Any]) -> User:
    """Make a person who belongs nowhere yet; raise UsernameTaken or EmailTaken."""
    email = fields["email"].lower()
    if holder_of(email):
        raise EmailTaken
    username = User.normalize_username(fields["username"])
    user = User(**{**fields, "username": username, "email": email})
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise (UsernameTaken() if violated(error) in USERNAME else error) from error
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    return user


@write
def set_email(*, user_id: int, email: str) -> None:
    """Replace a person's addresses by this one, on an operator's word; "" leaves none.

    They have to verify it when they log in next. Raises EmailTaken.
    """
    user = lock_person(user_id)
    email = email.lower()
    holder = holder_of(email)
    if holder is not None and holder.pk != user_id:
        raise EmailTaken
    EmailAddress.objects.filter(user=user).delete()
    user.email = email
    user.save(update_fields=["email", "updated_at"])
    if email:
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    changed(person_fact(user_id))


def take_address(user: User, email: str) -> None:
    """Take a verified address from all others who claim it; joins the caller's transaction.

    Who proved to read the mailbox is its owner: what others were given by a guess, or by somebody
    who wanted to keep it from its owner, is nothing against that.
    """
    claimants = list(claimants_of(email).exclude(pk=user.pk))
    EmailAddress.objects.filter(email=email.lower(), user__in=claimants).delete()
    for each in claimants:
        User.objects.filter(pk=each.pk, email=email.lower()).update(email="")
        changed(person_fact(each.pk))


def release_addresses(user_id: int) -> None:
    """Have a person's addresses count as claims only; joins the caller's transaction.

    So who is deactivated by one organisation may sign up anew, with the same address.
    """
    EmailAddress.objects.filter(user_id=user_id).update(verified=False)


def confirm_by_reset(user: User) -> None:
    """Count the address of a person as verified to whom a reset of the password was mailed.

    That is how people get in whom an organisation added. Of several addresses it is not known
    which one the mail went to.
    """
    addresses = list(EmailAddress.objects.filter(user=user))
    if len(addresses) == 1 and not addresses[0].verified and addresses[0].set_verified():
        take_address(user, addresses[0].email)


@write
def update_profile(*, user_id: int, changes: Mapping[str, Any]) -> User:
    """Change a person's own record and return it; `changes` are validated fields of User."""
    user = lock_person(user_id)
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=[*changes, "updated_at"])
    changed(person_fact(user_id))
    return user


@write
def update_settings(*, user_id: int, changes: Mapping[str, Any]) -> UserSettings:
    """Change how the browser app looks for a person, and return it."""
    lock_person(user_id)
    settings, _ = UserSettings.objects.update_or_create(user_id=user_id, defaults=dict(changes))
    changed(person_fact(user_id))
    return settings


@write
def log_out_everywhere(*, user_id: int) -> None:
    """End all sessions of a person."""
    lock_person(user_id, ends_rights=True)
    confirm()
    # No session of the former generation is trusted, whatever becomes of its row.
    User.objects.filter(pk=user_id).update(session_generation=F("session_generation") + 1)
    changed(person_fact(user_id))
    for session in UserSession.objects.filter(user_id=user_id):
        session.end()


@write
def shut_out(*, user_id: int) -> None:
    """End all sessions and tokens of a person."""
    log_out_everywhere(user_id=user_id)
    end_tokens(user_id)


def end_tokens(user_id: int) -> None:
    """End all tokens of a person; joins the caller's transaction."""
    ApiToken.objects.filter(user_id=user_id).delete()


@write
def issue_token(
    *,
    user_id: int,
    name: str,
    scopes: Iterable[str],
    role_id: int,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token that acts in a held role, and return it with its secret, which is not kept.

    It is valid for 90 days, or until `expires_at`, at most a year. Raises InvalidField,
    TooManyTokens.
    """
    user = lock_person(user_id)
    if ApiToken.objects.filter(user=user).count() >= MOST_TOKENS:
        raise TooManyTokens
    assignment = user.role_assignments.filter(role_id=role_id).first()
    if assignment is None:
        raise InvalidField("role", "does_not_exist", "You hold no such role.")
    now = clock.now()
    expires_at = expires_at or now + DEFAULT_VALIDITY
    if not now < expires_at <= now + LONGEST_VALIDITY:
        raise InvalidField("expires_at", "out_of_range", "Give a time within the next year.")
    digest, secret = get_digest_token()
    token = ApiToken.objects.create(
        user=user,
        digest=digest,
        token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH],
        expiry=expires_at,
        name=name,
        scopes=sorted(set(scopes)),
        role_assignment=assignment,
    )
    return token, secret


@write
def revoke_token(*, user_id: int, token_id: int) -> None:
    """Make one of the person's tokens worthless; raise Http404 where there is no such token."""
    count, _ = ApiToken.objects.filter(user_id=user_id, pk=token_id).delete()
    if not count:
        raise Http404
