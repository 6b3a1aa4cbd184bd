"""Limits of how often one caller may do what reaches others."""

from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView


class PostThrottle(ScopedRateThrottle):
    """The view's `throttle_scope`, for POST alone."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return whether the caller may; always, unless it is a POST."""
        return request.method != "POST" or super().allow_request(request, view)
