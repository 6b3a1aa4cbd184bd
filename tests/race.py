"""Many requests at once."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import connection


def race(count: int, act: Callable[[int], Any]) -> Counter[tuple[int, str]]:
    """Run act(0) … act(count - 1) in as many threads; count the answers' status and code.

    A 503 is asked again, as every client does: it says that nothing was applied.
    """
    together = threading.Barrier(count)
    answers: list[tuple[int, str]] = []

    def run(number: int) -> None:
        together.wait()
        for _ in range(50):
            response = act(number)
            if response.status_code != 503:
                break
            time.sleep(0.02)
        body = response.json()
        answers.append((response.status_code, body.get("code", "") if type(body) is dict else ""))
        connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count
    return Counter(answers)
