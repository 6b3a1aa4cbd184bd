"""What a token may be used for, whatever its owner's role allows."""

from typing import ClassVar, Protocol

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request


class ScopeMissing(PermissionDenied):
    """The token is not for this."""

    default_code = "scope_missing"
    default_detail = "This token has no scope for this."


class SessionRequired(PermissionDenied):
    """No token is for this."""

    default_code = "session_required"
    default_detail = "Only a signed-in browser may do this, no token."


class ScopedView(Protocol):
    """What a view says about tokens."""

    token_scope: ClassVar[str | None]
    session_only: ClassVar[bool]


def require_scope(request: Request, view: ScopedView) -> None:
    """Raise ScopeMissing or SessionRequired unless the caller's token, if any, is for this.

    A safe method takes the scope `read`, any other `write`; either may be let in by the view's
    own `token_scope` instead.
    """
    scopes = getattr(request.auth, "scopes", None)
    if scopes is None:
        return
    if view.session_only:
        raise SessionRequired
    needed = "read" if request.method in SAFE_METHODS else "write"
    if needed not in scopes and (view.token_scope is None or view.token_scope not in scopes):
        raise ScopeMissing
