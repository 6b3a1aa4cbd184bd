"""Who calls: the browser app by its session."""

from rest_framework import authentication, exceptions
from rest_framework.request import Request


class CsrfFailed(exceptions.PermissionDenied):
    """The CSRF token is missing or wrong."""

    default_code = "csrf_failed"


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session; without one the answer is 401, which DRF's own makes a 403."""

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return "Session"

    def enforce_csrf(self, request: Request) -> None:
        """Raise CsrfFailed unless the request carries the token of its cookie."""
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise CsrfFailed(str(error.detail)) from error
