"""Which ports a request's Host may name; Django's ALLOWED_HOSTS is about names alone."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase

from config.api.exceptions import problem_response

GetResponse = Callable[[HttpRequest], HttpResponseBase]

USUAL: Final = frozenset({"", "80", "443"})
# They say the same to everybody, and are asked by whatever address a probe has.
PROBED: Final = frozenset({"/livez", "/readyz", "/metrics"})


def known_ports() -> frozenset[str]:
    """Return the ports that this deployment is known by, "" for none."""
    origins = (settings.FRONTEND_URL, *settings.CSRF_TRUSTED_ORIGINS)
    ports = {str(port) for each in origins if (port := urlsplit(each).port)}
    # What `serve` listens on: a proxy or a probe beside it may name that.
    return USUAL | ports | {str(settings.PORT)}


class HostPortMiddleware:
    """Refuses a Host with a port that this deployment is not known by."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.ports = known_ports()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        _, port = split_domain_port(request.META.get("HTTP_HOST", ""))
        if port not in self.ports and request.path not in PROBED:
            return problem_response(
                request, 400, "bad_request", f"The Host header names a foreign port: {port[:5]}."
            )
        return self.get_response(request)
