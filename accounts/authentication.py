"""Who calls: a program by its token."""

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox import auth
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import ApiToken, User


class TokenAuthentication(auth.TokenAuthentication):  # type: ignore[misc]
    """knox's `Authorization: Bearer`, but for the look-up: one query, which writes nothing.

    knox deletes expired tokens whenever it reads one, and a read may not write here.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """Return who the token belongs to and the token; raise AuthenticationFailed."""
        found = (
            ApiToken.objects.filter(
                digest=hash_token(token.decode("latin-1")),
                expiry__gt=timezone.now(),
                user__is_active=True,
            )
            .select_related("user", "role_assignment__role__organization")
            .defer("user__password", "user__bank_details")
            .first()
        )
        if found is None:
            raise AuthenticationFailed("This token is not valid.", "invalid_token")
        return found.user, found


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The token in the schema."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return what a client has to send."""
        return {"type": "http", "scheme": "bearer"}
