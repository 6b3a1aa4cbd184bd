"""What a request is going to read, told ahead, so that Redis is asked once for all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.cache import Cache

Reads = Sequence[tuple[Cache[Any, Any], Any]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a caller before anything but the session was read.

    `organization_id` is the organisation that this process last saw them act in; it may be
    another by now, and what was fetched for nothing is fetched again.
    """

    user_id: int
    organization_id: int | None
