"""The base of every view of ours: safe methods read, all others are one `@write`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView as RestAPIView

from config.api.authority import ACTING_ROLE, Authority, RightsChanged
from config.api.conditional import ChangedMeanwhile, require_match, with_etag
from config.api.idempotency import once
from config.api.permissions import require_scope
from config.api.reads import Known, Reads
from config.db.errors import Contended
from config.db.retry import write
from config.errors import DomainError, InvalidField

DECISIONS: Final = 3  # how often a write is decided anew while others change what grants it
REFUSALS: Final = (APIException, DomainError, Http404, PermissionDenied)


class APIView(RestAPIView):
    """Runs the handler of a POST, PUT, PATCH or DELETE inside `@write`.

    So validation against the database, the service, the serialising of its answer and the
    Idempotency-Key of a POST share one transaction, and all of it may run again. Handlers must
    therefore not keep state on `self`. What a GET answers has an ETag.

    What lets a write in is confirmed inside its transaction, under locks (`accounts.rights`). If it
    has changed meanwhile, all is rolled back, decided on the rows as they are, and run again.
    """

    # False where the answer is a secret, which must not be stored.
    accepts_idempotency_key: ClassVar[bool] = True
    # True where a POST may change which role the caller acts in: its repetition is answered in any.
    repeats_in_any_role: ClassVar[bool] = False
    # What a token needs instead of `read` or `write`; and whether none is good enough.
    token_scope: ClassVar[str | None] = None
    session_only: ClassVar[bool] = False
    # Which of DEFAULT_THROTTLE_RATES holds for a method, besides those that hold for all.
    throttle_scopes: ClassVar[Mapping[str, str]] = {}

    def reads(self, known: Known) -> Reads:
        """Return where GET looks beside the person, to be fetched in the same round trip."""
        return ()

    def lock(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Lock what the method is going to change, so that If-Match can be checked.

        Views that take If-Match have this and a GET; from others it fails.
        """
        raise ChangedMeanwhile

    def perform_authentication(self, request: Request) -> None:
        """Find out who calls, and whether they do so too often.

        DRF would look at that last, when those who may not call at all are refused already.
        """
        try:
            super().perform_authentication(request)
        except APIException:
            super().check_throttles(request)
            raise
        super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Do nothing: see `perform_authentication`."""

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
            if "If-Match" in request.headers:
                handler = self._unless_changed(handler)
            # DRF looks the handler up on the view, which lives for one request, after this.
            setattr(self, name, self._confirmed(handler))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Give what a GET answers its ETag."""
        response = super().finalize_response(request, response, *args, **kwargs)
        is_read = request.method in ("GET", "HEAD") and response.status_code == 200
        if is_read and isinstance(response, Response):
            response.add_post_render_callback(partial(with_etag, request))
        return response

    def _confirmed(self, handler: Callable[..., Response]) -> Callable[..., Response]:
        def run(request: Request, *args: Any, **kwargs: Any) -> Response:
            authority = cast(Authority, request.successful_authenticator)
            is_repeatable = request.method == "POST" and self.accepts_idempotency_key

            def handle(request: Request, *args: Any, **kwargs: Any) -> Response:
                _require_acting_role(request, authority)
                with authority.confirming(request):
                    return handler(request, *args, **kwargs)

            for _ in range(DECISIONS):
                role = None if self.repeats_in_any_role else authority.acting_role(request)
                apply = partial(once, acting_role=role) if is_repeatable else write
                try:
                    try:
                        return apply(handle)(request, *args, **kwargs)
                    except REFUSALS:
                        authority.confirm(request)
                        raise
                except RightsChanged:
                    authority.renew(request)
                    self.check_permissions(request)
            raise Contended("what grants this write kept changing")

        return run

    def _unless_changed(self, handler: Callable[..., Response]) -> Callable[..., Response]:
        def checked(request: Request, *args: Any, **kwargs: Any) -> Response:
            self.lock(request, *args, **kwargs)
            get: Callable[..., Response] = getattr(self, "get")  # noqa: B009
            require_match(request, lambda: get(request, *args, **kwargs))
            return handler(request, *args, **kwargs)

        return checked


def _require_acting_role(request: Request, authority: Authority) -> None:
    """Raise unless the caller acts in the role that they see, if the request says which."""
    seen = request.headers.get(ACTING_ROLE)
    if seen is None:
        return
    if not (seen.isascii() and seen.isdecimal() and len(seen) < 20):
        raise InvalidField(ACTING_ROLE, "invalid", "Give the id of a role.")
    authority.require_acting_role(request, int(seen))
