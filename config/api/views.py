"""The base of every view of ours: safe methods read, all others are one `@write`."""

from typing import Any, ClassVar

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView as RestAPIView

from config.api.idempotency import once
from config.api.permissions import require_scope
from config.db.retry import write


class APIView(RestAPIView):
    """Runs the handler of a POST, PUT, PATCH or DELETE inside `@write`.

    So validation against the database, the service, the serialising of its answer and the
    Idempotency-Key of a POST share one transaction, and all of it may run again. Handlers must
    therefore not keep state on `self`.
    """

    # False where the answer is a secret, which must not be stored.
    accepts_idempotency_key: ClassVar[bool] = True
    # What a token needs instead of `read` or `write`; and whether none is good enough.
    token_scope: ClassVar[str | None] = None
    session_only: ClassVar[bool] = False

    def check_permissions(self, request: Request) -> None:
        """Check what the token is for, then the permission classes."""
        require_scope(request, self)
        super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the request in (authentication, permissions, throttles), then choose its handler."""
        super().initial(request, *args, **kwargs)
        if request.method and request.method not in SAFE_METHODS:
            name = request.method.lower()
            handler = getattr(self, name, self.http_method_not_allowed)
            is_repeatable = name == "post" and self.accepts_idempotency_key
            # DRF looks the handler up on the view, which lives for one request, after this.
            setattr(self, name, (once if is_repeatable else write)(handler))
