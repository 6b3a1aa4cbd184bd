"""What every request goes through before and after Django's own middleware."""

import logging
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from rest_framework.exceptions import ParseError
from rest_framework.permissions import SAFE_METHODS

from config import gateway
from config.api.exceptions import problem_response, refusal_response, shortage_response
from config.api.parsers import read_json
from config.cache import scope
from config.db.intent import Intent, use
from config.errors import DomainError

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Characters that are safe in a log line and a header; anything else gets an id of ours.
KNOWN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
MOST_PARAMETERS: Final = 100
# How the faults of a body are told: status, code, text.
FAULTS: Final = {
    gateway.CHUNKED: (411, "length_required", "Send the body with a Content-Length."),
    gateway.LATE: (408, "request_timeout", "The body did not come within 10 seconds."),
    gateway.TOO_LARGE: (413, "too_large", "The body may have at most {limit} bytes."),
    gateway.BROKEN: (400, "bad_request", "The body is not as long as its headers say."),
    gateway.CROWDED: (503, "busy", "Too much is being sent here just now."),
}
_request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdMiddleware:
    """Gives each request an id: the proxy's `X-Request-ID` where there is a trusted proxy."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "") if settings.TRUSTED_PROXIES else ""
        request_id = given if KNOWN_ID.fullmatch(given) else uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        token = _request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            _request_id.reset(token)
        response["X-Request-ID"] = request_id
        return response


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to every log record; Django tells of a refusal when all is over."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        record.request_id = getattr(request, "request_id", None) or _request_id.get()
        return True


class ShortageMiddleware:
    """Turns a shortage of the database into 503, in whatever layer it struck.

    So it does with a refusal that a view outside DRF raises.

    A view's error comes by `process_exception`. What an inner middleware raises (a session that
    cannot be saved) Django has made a 500 of by the time it is here; a signal keeps the cause.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        error = getattr(request, "shortage", None)
        return response if error is None else shortage_response(request, error)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, OperationalError | InterfaceError):
            return shortage_response(request, error)
        if isinstance(error, DomainError):
            return refusal_response(request, error)
        return None


@receiver(got_request_exception, dispatch_uid="config.middleware.shortage")
def _keep_shortage(request: HttpRequest | None = None, **kwargs: Any) -> None:
    error = sys.exc_info()[1]
    if request is not None and isinstance(error, OperationalError | InterfaceError):
        request.shortage = error  # type: ignore[attr-defined]


class BodyMiddleware:
    """Has the body read, and its JSON checked, before anyone looks at who sent it.

    The gateway has read it already; another app server's is read here. So a body that comes slowly
    cannot be decided on by a state that is over when it is there, and nobody's form or JSON parser
    finds another meaning in it than ours.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._refusal(request) or self.get_response(request)

    def _refusal(self, request: HttpRequest) -> HttpResponseBase | None:
        if (
            settings.SECURE_SSL_REDIRECT
            and request.method not in SAFE_METHODS
            and not request.is_secure()
        ):
            # The redirect would be followed with a GET, and nothing be done.
            return problem_response(request, 400, "bad_request", "Use https.")
        query = request.META.get("QUERY_STRING", "")
        if query.count("&") >= MOST_PARAMETERS:
            return problem_response(
                request, 400, "too_many_parameters", f"Give at most {MOST_PARAMETERS} parameters."
            )
        if fault := request.META.get(gateway.FAULT):
            return self._answer(request, fault)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            return self._answer(request, gateway.CHUNKED)
        if not (length.isascii() and length.isdecimal()):
            return self._answer(request, gateway.BROKEN)
        if len(length) > 18 or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return self._answer(request, gateway.TOO_LARGE)
        if length == "0":
            return None
        try:
            body = request.body
        except (UnreadablePostError, RequestDataTooBig):
            return self._answer(request, gateway.BROKEN)
        # DRF's views parse theirs with `read_json`; allauth's parse for themselves.
        if request.path.startswith("/api/auth/") and request.content_type == "application/json":
            try:
                read_json(body)
            except ParseError as error:
                return problem_response(request, 400, "parse_error", str(error.detail))
        return None

    def _answer(self, request: HttpRequest, fault: str) -> HttpResponseBase:
        status, name, detail = FAULTS[fault]
        detail = detail.format(limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        response = problem_response(request, status, name, detail)
        if status == 503:
            response["Retry-After"] = "1"
        # What is left of the body must not be read as another request.
        response["Connection"] = "close"
        return response


class NoStoreMiddleware:
    """Has nobody keep an answer that does not say for itself how long it may be kept."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class SlashMiddleware(CommonMiddleware):
    """Django's, which sends a reader to the address with a slash, but no writer.

    Browsers and libraries follow a redirect of a POST with a GET: nothing would be stored, and the
    answer would be 200.
    """

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return request.method in SAFE_METHODS and super().should_redirect_with_slash(request)


class IntentMiddleware:
    """Tells the database backend what the request is about: reading, or also writing."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        intent = Intent.READ if request.method in SAFE_METHODS else Intent.WRITE
        with use(intent, label=f"{request.method} {request.path}"):
            return self.get_response(request)


class CacheMiddleware:
    """Lets a request fetch once what it reads twice, and says how fresh an answer of the API is."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with scope() as seen:
            response = self.get_response(request)
        if request.path.startswith("/api/") and response.status_code < 400:
            for name, value in seen.headers().items():
                response[name] = value
        return response
