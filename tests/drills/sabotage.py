"""Broken parts, to show that a drill notices: chosen by DRILL_BREAK, several by commas.

`ttl` is no broken part: it lets caches age within a drill.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.apps import AppConfig

SHORT_TTL: Final = 2.0  # seconds


def retry_without_asking() -> None:
    """Repeat a write whose COMMIT was not answered, as if it had certainly failed."""
    from config.db import outcome, retry
    from config.db.base import DatabaseWrapper
    from config.db.errors import DatabaseUnavailable

    def naive(error: BaseException, *, committing: bool = False) -> outcome.Kind:
        kind = outcome.kind_of(error)
        return outcome.Kind.SAFE if kind is outcome.Kind.AMBIGUOUS else kind

    def give_up(self: Any, connection: Any, error: BaseException) -> None:
        raise DatabaseUnavailable("COMMIT was not answered") from error

    retry.kind_of = naive  # type: ignore[attr-defined]
    DatabaseWrapper._learn_outcome = give_up  # type: ignore[method-assign]


def cache_without_generations() -> None:
    """Believe whatever is stored."""
    from config.cache.entry import Entry

    def holds(self: Entry, generations: Mapping[str, str]) -> bool:
        return True

    Entry.holds = holds  # type: ignore[method-assign]


def gate_with_one_too_many() -> None:
    """Let in one more than there are connections, and open it."""
    from config.db import gate, pool

    begin, begin_pool = gate.Gate.__init__, pool.Pool.__init__

    def wider(self: gate.Gate, capacity: int, reserve: int) -> None:
        begin(self, capacity + 1, reserve)

    def larger(self: pool.Pool, group: Any, name: str, size: int) -> None:
        begin_pool(self, group, name, size + 1)

    gate.Gate.__init__ = wider  # type: ignore[method-assign]
    pool.Pool.__init__ = larger  # type: ignore[method-assign]


def caches_that_age_soon() -> None:
    """Keep entries fresh for `SHORT_TTL`; how long they may be stale stays as it is."""
    from django.urls import get_resolver

    from config.cache import reads

    assert get_resolver().url_patterns  # loads all caches
    for cache in reads._caches.values():
        cache.ttl = min(cache.ttl, SHORT_TTL)


def exports_that_stream() -> None:
    """Send a file while it is read, piece by piece, each piece as the records are by then."""
    from django.db.models import Q
    from django.http import StreamingHttpResponse

    from accounts.permissions import caller
    from worktime.cache import visible_worktimes
    from worktime.views.exports import ExportView

    def lines(records: Any) -> Any:
        yield "id,duration_seconds\r\n"
        rows = records.order_by("started_at", "id").values_list("id", "started_at", "ended_at")
        after = Q()
        while chunk := list(rows.filter(after)[:1000]):
            for row_id, begin, end in chunk:
                yield f"{row_id},{(end - begin).total_seconds()}\r\n"
            after = Q(started_at__gt=begin) | Q(started_at=begin, id__gt=row_id)

    def get(self: ExportView, request: Any) -> StreamingHttpResponse:
        records = visible_worktimes(caller(request))
        response = StreamingHttpResponse(lines(records), content_type="text/csv")
        response["X-Row-Count"] = str(records.count())
        return response

    ExportView.get = get  # type: ignore[method-assign]


PARTS: Final[dict[str, Callable[[], None]]] = {
    "retry": retry_without_asking,
    "cache": cache_without_generations,
    "gate": gate_with_one_too_many,
    "stream": exports_that_stream,
    "ttl": caches_that_age_soon,
}


class Sabotage(AppConfig):
    """Replaces the parts once everything is loaded."""

    name = "tests.drills"
    label = "drills"

    def ready(self) -> None:
        """Break what DRILL_BREAK names."""
        for part in filter(None, os.environ.get("DRILL_BREAK", "").split(",")):
            PARTS[part]()
