"""How often one caller may ask. Counted before anyone is refused, so that refusals count too.

While Redis is away reads pass, and each process counts the rest for itself.
"""

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from config.addresses import network_of
from config.cache.counting import Window, count, count_here, count_soon

if TYPE_CHECKING:
    # DRF loads this module while its views are not there yet.
    from rest_framework.views import APIView


class Throttle(SimpleRateThrottle):
    """DRF's, in fixed windows: its own reads a list and writes it back, and misses what is between.

    Subclasses name the window; None: not counted.
    """

    num_requests: int
    duration: int
    left = 0.0

    def window(self, request: Request) -> Window | None:
        """Return what a request counts in."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Return whether the caller may."""
        if self.rate is None or (window := self.window(request)) is None:
            return True
        counted = count(window)
        if counted is None:
            if request.method in SAFE_METHODS:
                return True
            counted = count_here(window)
        self.left = window.left
        return counted <= self.num_requests

    def wait(self) -> float:
        """Return the seconds until the next window."""
        return self.left


class AnonThrottle(Throttle):
    """Who is not signed in, by address, or by network where that is IPv6."""

    scope = "anon"

    def window(self, request: Request) -> Window | None:
        """Return the window of an address."""
        if request.user.is_authenticated:
            return None
        return Window.of(f"anon:{network_of(request._request)}", self.duration)


class UserThrottle(Throttle):
    """Who is signed in. A token of another role than its owner's browser counts for itself."""

    scope = "user"

    def window(self, request: Request) -> Window | None:
        """Return the window that `expect` found."""
        return getattr(request._request, "window", None) if request.user.is_authenticated else None

    @classmethod
    def expect(cls, request: Request, caller: str) -> None:
        """Count the caller along with what is fetched to let them in: no further round trip."""
        throttle = cls()
        if throttle.rate is not None:
            window = Window.of(f"user:{caller}", throttle.duration)
            request._request.window = window  # type: ignore[attr-defined]
            count_soon(window)


class ScopedThrottle(Throttle):
    """What reaches others: the view's `throttle_scopes`, by method, for each person."""

    def __init__(self) -> None:
        """Wait for the view: it has the scope, and the scope has the rate."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Return whether the caller may; always, if the view names no scope for the method."""
        self.scope = getattr(view, "throttle_scopes", {}).get(request.method)
        if self.scope is None:
            return True
        self.rate = self.get_rate()
        allowed, duration = self.parse_rate(self.rate)
        if allowed is None or duration is None:
            return True
        self.num_requests, self.duration = allowed, duration
        return super().allow_request(request, view)

    def window(self, request: Request) -> Window | None:
        """Return the window of a person and scope."""
        if not request.user.is_authenticated:
            return None
        return Window.of(f"{self.scope}:{request.user.pk}", self.duration)
