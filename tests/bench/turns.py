"""How often variants take turns."""

from collections.abc import Iterator
from time import monotonic
from typing import Final

QUICK_TIMEOUT: Final = 165.0  # seconds of a quick benchmark, but for its table


def rounds(count: int, *, until: float | None = None) -> Iterator[int]:
    """Yield the numbers below `count`.

    With `until` (monotonic seconds), end before a round that would not be over by then, judging
    from those before it.
    """
    began = monotonic()
    for number in range(count):
        now = monotonic()
        if until is not None and number and now + (now - began) / number > until:
            return
        yield number
