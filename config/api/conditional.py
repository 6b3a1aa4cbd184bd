"""Strong ETags: 304 for what a client has already, 412 for a change of what it has not seen."""

import hashlib
from collections.abc import Callable
from typing import Any

from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags, quote_etag
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import DomainError


class ChangedMeanwhile(DomainError):
    """It is not what the client thinks it changes."""

    status = 412
    code = "changed_meanwhile"
    detail = "This was changed meanwhile; load it again."


def etag_of(content: bytes) -> str:
    """Return the strong ETag of an answer's bytes."""
    return quote_etag(hashlib.sha256(content).hexdigest()[:32])


def with_etag(request: Request, response: Response) -> Any:
    """Give a rendered 200 its ETag; return the 304 instead if the client has it already."""
    etag = etag_of(response.content)
    response["ETag"] = etag
    # Kept by browsers, shown only after asking whether it still is so.
    response.setdefault("Cache-Control", "private, no-cache")
    return get_conditional_response(request._request, etag=etag, response=response)


def require_match(request: Request, current: Callable[[], Response]) -> None:
    """Raise ChangedMeanwhile unless If-Match names what `current` (the GET's answer) is now."""
    known = parse_etags(request.headers["If-Match"])
    if known != ["*"] and etag_of(JSONRenderer().render(current().data)) not in known:
        raise ChangedMeanwhile
