"""The base of every view of ours: safe methods read, all others are one `@write`."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView as RestAPIView

from config.db.retry import write


class APIView(RestAPIView):
    """Runs the handler of a POST, PUT, PATCH or DELETE inside `@write`.

    So validation against the database, the service and the serialising of its answer share one
    transaction, and all of it may run again. Handlers must therefore not keep state on `self`.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the request in (authentication, permissions, throttles), then choose its handler."""
        super().initial(request, *args, **kwargs)
        if request.method and request.method not in SAFE_METHODS:
            name = request.method.lower()
            # DRF looks the handler up on the view, which lives for one request, after this.
            setattr(self, name, write(getattr(self, name, self.http_method_not_allowed)))
