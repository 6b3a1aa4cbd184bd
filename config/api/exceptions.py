"""Every refusal as one envelope: RFC 9457 `application/problem+json`.

`code` is stable snake_case, listed in docs/api.md; `errors` names the fields of a 400.
"""

import math
import random
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from config.db.errors import DatabaseShortage
from config.errors import DomainError

CONTENT_TYPE: Final = "application/problem+json"

# What else the server says when it cannot do now what was asked.
SHORTAGES: Final = {"57014": "statement_timeout", "55P03": "locked"}
# Not the errors' own words: what the server says may name hosts, roles and tables.
DETAILS: Final = {
    "database_unavailable": "The database cannot be reached.",
    "locked": "Another change of the same thing took too long.",
    "outcome_unknown": "Whether this was done is not known: repeat it with the same key.",
    "statement_timeout": "The database took too long and was stopped.",
}


def problem(request: HttpRequest | Request, code: int, name: str, detail: str) -> dict[str, Any]:
    """Return the members that every problem has, for HTTP status `code`."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(code).phrase,
        "status": code,
        "code": name,
        "detail": detail,
        "request_id": getattr(request, "request_id", None),
    }


def problem_response(request: HttpRequest, code: int, name: str, detail: str) -> HttpResponse:
    """Return a problem from outside DRF: JSON below /api/, a small page elsewhere."""
    body = problem(request, code, name, detail)
    if request.path.startswith("/api/"):
        return JsonResponse(body, status=code, content_type=CONTENT_TYPE)
    return HttpResponse(render_to_string("config/problem.html", body), status=code)


def describe_shortage(error: Exception) -> tuple[str, str, str]:
    """Return code, detail and the Retry-After (whole seconds, with jitter) of a shortage."""
    wait = 1.0
    if isinstance(error, DatabaseShortage):
        name, wait = error.code, error.retry_after
    else:
        name = SHORTAGES.get(getattr(error.__cause__, "sqlstate", ""), "database_unavailable")
    detail = DETAILS.get(name) or str(error)
    # Jitter, so that those refused together do not come back together.
    return name, detail, str(math.ceil(random.uniform(wait, 3 * wait)))  # noqa: S311


def shortage_response(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the 503 for a shortage that struck outside DRF."""
    name, detail, retry_after = describe_shortage(error)
    response = problem_response(request, 503, name, detail)
    response["Retry-After"] = retry_after
    return response


def refusal_response(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Return the answer to a refusal outside DRF."""
    response = problem_response(request, error.status, error.code, error.detail)
    if error.retry_after:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER; None for what is a fault of ours."""
    request: Request = context["request"]
    # Whatever the view renders (the schema's is YAML).
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    if isinstance(error, OperationalError | InterfaceError):
        name, detail, retry_after = describe_shortage(error)
        return _answer(problem(request, 503, name, detail), {"Retry-After": retry_after})
    if isinstance(error, DomainError):
        body = {**problem(request, error.status, error.code, error.detail), **error.extra}
        wait = error.retry_after
        return _answer(body, {"Retry-After": str(math.ceil(wait))} if wait else None)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    if isinstance(error, exceptions.ValidationError):
        body = problem(request, 400, "invalid", "The request is not valid; see “errors”.")
        body["errors"] = list(_flat(error.detail))
    else:
        name = getattr(error.detail, "code", error.default_code)
        body = problem(request, error.status_code, name, str(error.detail))
    return _answer(body, headers)


def _answer(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(body, body["status"], headers=headers, content_type=CONTENT_TYPE)


def _flat(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield one {field, code, detail} for each message; nested fields are joined by dots."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            # An error of the whole belongs to what holds it.
            inner = path if key == "non_field_errors" else f"{path}.{key}".lstrip(".")
            yield from _flat(value, inner)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            yield from _flat(value, f"{path}.{index}".lstrip(".") if nested else path)
    else:
        yield {"field": path, "code": detail.code, "detail": str(detail)}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    return problem_response(request, 400, "bad_request", "The request cannot be understood.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return problem_response(request, 403, "permission_denied", "You may not do this.")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW."""
    return problem_response(request, 403, "csrf_failed", f"CSRF check failed: {reason}")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    return problem_response(request, 404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500; says nothing of the cause, which the log has under the request's id."""
    return problem_response(
        request,
        status.HTTP_500_INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something went wrong here. The request's id helps to find out what.",
    )
