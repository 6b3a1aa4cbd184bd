"""Many requests at once."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection

TOGETHER_TIMEOUT = 30.0

T = TypeVar("T")


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """Run act(0) … act(count - 1) in as many threads, begun together; return what they return.

    What one raises is raised here. All that must not be part of the race, a log-in above all,
    belongs before the call.
    """
    together = threading.Barrier(count, timeout=TOGETHER_TIMEOUT)

    def run(number: int) -> T:
        together.wait()
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def race(count: int, act: Callable[[int], Any]) -> Counter[tuple[int, str]]:
    """Have act(0) … act(count - 1) answered at once; count the answers' status and code.

    A 503 is asked again, as every client does: it says that nothing was applied.
    """

    def ask(number: int) -> tuple[int, str]:
        for _ in range(50):
            response = act(number)
            if response.status_code != 503:
                break
            time.sleep(0.02)
        body = response.json()
        return response.status_code, body.get("code", "") if type(body) is dict else ""

    return Counter(at_once(count, ask))
