"""Who calls: a browser app by its session, a program by its token. Warm, neither takes any SQL."""

from contextlib import AbstractContextManager
from typing import Final, cast

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox import auth
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from accounts.cache import Account, Acting, Person, TokenCard, load_account, people, tokens
from accounts.models import ApiToken, User
from accounts.rights import Decided, confirming, require
from config.api import authentication
from config.api.authority import ActingRoleChanged
from config.api.reads import Known
from config.api.throttles import UserThrottle
from config.cache import prefetch

MANY: Final = 10_000

_seen_in: dict[Acting, int | None] = {}  # organisations, by caller


class RoleAuthority:
    """A caller's rights are those of their acting role, confirmed by `accounts.rights`."""

    def acting_role(self, request: Request) -> int | None:
        """Return the id of the acting role."""
        role = _person(request).active_role
        return role.id if role else None

    def require_acting_role(self, request: Request, role_id: int) -> None:
        """Raise ActingRoleChanged unless this is the acting role."""
        if (active := self.acting_role(request)) != role_id:
            raise ActingRoleChanged(expected=role_id, active=active)

    def confirming(self, request: Request) -> AbstractContextManager[None]:
        """Run a write, confirming the rights of its caller."""
        return confirming(_decided(request))

    def confirm(self, request: Request) -> None:
        """Raise RightsChanged unless the caller's rights are what they were."""
        require(_decided(request))

    def renew(self, request: Request) -> None:
        """Read the caller's context from rows; raise NotAuthenticated if they may not call."""
        person = _person(request)
        token_id = getattr(request.auth, "id", None)
        is_known = token_id is None or ApiToken.objects.filter(pk=token_id).exists()
        account = load_account(person.acting)
        is_known &= account.is_active
        if token_id is None:
            is_known &= account.session_hash == _session_hash(request)
        if not is_known:
            raise NotAuthenticated
        request._request.person = account.person  # type: ignore[attr-defined]


class SessionAuthentication(RoleAuthority, authentication.SessionAuthentication):
    """Django's session, compared with what the cache holds of its person."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return who the session belongs to; None without one, or if it is not theirs any more."""
        session = request._request.session
        if (user_id := session.get(SESSION_KEY)) is None:
            return None
        account = account_of(request, (int(user_id), None))
        if account is None or not account.is_active:
            return None
        if not (
            session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
            and constant_time_compare(session.get(HASH_SESSION_KEY, ""), account.session_hash)
        ):
            # Django ends the session, or renews one that was made with a former secret key.
            return cast(tuple[User, None] | None, super().authenticate(request))
        self.enforce_csrf(request)
        return user_of(account), None


class TokenAuthentication(RoleAuthority, auth.TokenAuthentication):  # type: ignore[misc]
    """knox's `Authorization: Bearer`, but for the look-up, which writes nothing.

    knox deletes expired tokens whenever it reads one, and a read may not write here.
    """

    def authenticate(self, request: Request) -> tuple[User, TokenCard] | None:
        """Return who the token belongs to and what it is for; raise AuthenticationFailed."""
        try:
            found = super().authenticate(request)
        except AuthenticationFailed as error:  # knox's own words for what is not one token
            raise _invalid() from error
        if found is None:
            return None
        card = found[1]
        account = account_of(request, (card.user_id, card.role_id))
        if account is None or not account.is_active:
            raise _invalid()
        return user_of(account), card

    def authenticate_credentials(self, token: bytes) -> tuple[None, TokenCard]:
        """Return what the token is for; raise AuthenticationFailed."""
        try:
            card = tokens.get(hash_token(token.decode("latin-1")))
        except ApiToken.DoesNotExist as error:
            raise _invalid() from error
        if card.expires_at <= timezone.now():
            raise _invalid()
        return None, card


def account_of(request: Request, acting: Acting) -> Account | None:
    """Return who calls, with what the view is going to read fetched along; None if they are gone.

    Their context is kept for `accounts.permissions.caller`.
    """
    UserThrottle.expect(request, f"{acting[0]}:{acting[1] or ''}")
    # By name: DRF imports this module while `APIView` is not there yet.
    reads = getattr(request.parser_context.get("view"), "reads", None)
    if request.method in SAFE_METHODS and reads is not None:
        prefetch((people, acting), *reads(Known(acting[0], _seen_in.get(acting))))
    try:
        account = people.get(acting)
    except User.DoesNotExist:
        return None
    request._request.person = person = account.person  # type: ignore[attr-defined]
    if len(_seen_in) >= MANY:
        _seen_in.clear()
    _seen_in[acting] = person.active_role.organization_id if person.active_role else None
    return account


def user_of(account: Account) -> User:
    """Return the person as a row whose other columns are read when they are asked for."""
    person = account.person
    known = {"id": person.id, "username": person.username, "is_active": account.is_active}
    return User.from_db("default", list(known), list(known.values()))


def _decided(request: Request) -> Decided:
    return Decided(
        _person(request), _session_hash(request), token_id=getattr(request.auth, "id", None)
    )


def _session_hash(request: Request) -> str:
    return str(request._request.session.get(HASH_SESSION_KEY, ""))


def _person(request: Request) -> Person:
    person: Person = request._request.person  # type: ignore[attr-defined]
    return person


def _invalid() -> AuthenticationFailed:
    return AuthenticationFailed("This token is not valid.", "invalid_token")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The token in the schema."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return what a client has to send."""
        return {"type": "http", "scheme": "bearer"}
