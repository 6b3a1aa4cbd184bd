"""What the caches themselves take, in one thread and without HTTP: hits, and what a write adds."""

import statistics
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Final

REPEATED: Final = 20
TURNS: Final = 100


def measure() -> list[dict[str, Any]]:
    """Return rows for a report: medians of turns that alternate. Needs a site's `bench-0`."""
    works = dict(_works())
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(TURNS):
        for name, work in works.items():
            began = perf_counter()
            for _ in range(REPEATED):
                work()
            times[name].append((perf_counter() - began) / REPEATED)
    return [{"variant": name, "µs": 1e6 * statistics.median(each)} for name, each in times.items()]


def _works() -> Iterator[tuple[str, Callable[[], object]]]:
    from accounts.cache import people
    from accounts.models import User
    from config.cache import Cache, facts, prefetch, scope, server
    from organizations.cache import chosen_branches, organizations, own_branches
    from worktime.cache import active_worktimes

    user_id = User.objects.get(username="bench-0").id
    role = people.get((user_id, None)).person.acting_role
    page: list[tuple[Cache[Any, Any], Any]] = [
        (people, (user_id, None)),
        (organizations, role.organization_id),
        (chosen_branches, user_id),
        (own_branches, user_id),
        (active_worktimes, user_id),
    ]

    def read_page() -> None:
        with scope():
            prefetch(*page)
            for cache, key in page:
                cache.get(key)

    def write() -> None:
        # What COMMIT is wrapped into; of a fact that nobody reads.
        with facts._Changes(["bench"]):
            pass

    read_page()
    yield "a command to Redis (MGET of two)", lambda: server.read(["one", "two"])
    yield "a hit: who somebody is", lambda: people.get((user_id, None))
    yield "a page of five caches, all hits", read_page
    yield "mark and bump of a write", write
