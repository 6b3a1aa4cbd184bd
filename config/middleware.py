"""What every request goes through before and after Django's own middleware."""

import logging
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS

from config.api.exceptions import problem_response, refusal_response, shortage_response
from config.cache import scope
from config.db.intent import Intent, use
from config.errors import DomainError

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Characters that are safe in a log line and a header; anything else gets an id of ours.
KNOWN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
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


class BodyLimitMiddleware:
    """Refuses a body larger than DATA_UPLOAD_MAX_MEMORY_SIZE before anything reads it.

    Django checks where it parses forms only. A body without a Content-Length reads as empty.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > limit:
            return problem_response(
                request, 413, "too_large", f"The body may have at most {limit} bytes."
            )
        return self.get_response(request)


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
