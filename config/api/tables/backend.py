"""Lists take `?filter=` and `?conditions=`; both at once narrow twice.

Who asks, and what is stored, is known to apps above: filterlists hands both in at start-up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from config.api.tables.asker import Asker
from config.api.tables.filters import load_document, parse_filter, refuse
from config.api.tables.table import Table


@dataclass(frozen=True, slots=True)
class _Source:
    asker: Callable[[Request], Asker]
    stored: Callable[[Request, Table, str], tuple[Any, Any]]


_source: _Source | None = None


def connect(
    *,
    asker: Callable[[Request], Asker],
    stored: Callable[[Request, Table, str], tuple[Any, Any]],
) -> None:
    """Set where callers and lists are looked up.

    `stored` returns conditions and operators of the list that a key names, if the caller may run
    it; else it raises Http404.
    """
    global _source
    _source = _Source(asker, stored)


def narrow(queryset: QuerySet[Any], request: Request, table: Table) -> QuerySet[Any]:
    """Return the rows of `queryset` that pass the filters of the request.

    Raises InvalidFilter, or Http404 for a list that the caller may not run.
    """
    documents = [
        (prefix, document)
        for name, prefix in (("filter", "filter."), ("conditions", ""))
        if (document := _document(request, table, name)) is not None
    ]
    if documents:
        asker = _connected().asker(request)
        for prefix, document in documents:
            wanted = parse_filter(table, *document, asker, prefix=prefix)
            queryset = queryset.filter(wanted.q(asker))
    return queryset


class TableFilter(BaseFilterBackend):
    """Narrows a list whose view names its `table`; config.api.schema describes it."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        """Return the rows that pass."""
        return narrow(queryset, request, view.table)  # type: ignore[attr-defined]


def _connected() -> _Source:
    if _source is None:
        raise ImproperlyConfigured("No app has connected a source of stored lists.")
    return _source


def _document(request: Request, table: Table, name: str) -> tuple[Any, Any] | None:
    given = request.query_params.getlist(name)
    if not given:
        return None
    if len(given) > 1:
        refuse(name, "repeated", "Give this parameter once.")
    if name == "conditions":
        return load_document(given[0], name)
    return _connected().stored(request, table, given[0])
