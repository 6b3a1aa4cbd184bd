"""Keyset pages: they stay right while rows are inserted, and page 1000 costs what page 1 does."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.core import signing
from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import F, Field, Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
SORT: Final = "sort_value"


class KeysetPagination(BasePagination):
    """Pages by (sort column, id), in the order `?ordering=` names, `?limit=` rows at a time.

    The view declares `ordering_columns`, a mapping from the names that clients use to ORM paths
    or expressions that are never NULL (coalesce them), and `ordering`, its default. The cursor
    is signed together with the path and every other parameter: used with another filter or
    ordering it is a 400.
    """

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return one page; raise ValidationError naming the parameter that is wrong."""
        self.request = request
        self.limit = self._limit(request.query_params.get("limit"))
        columns = view.ordering_columns  # type: ignore[union-attr]
        ordering = request.query_params.get("ordering")
        if ordering is None:
            ordering = str(view.ordering)  # type: ignore[union-attr]
        name, descending = ordering.removeprefix("-"), ordering.startswith("-")
        if name not in columns:
            allowed = ", ".join(sorted(columns))
            raise ValidationError({"ordering": f"Cannot order by this; allowed: {allowed}."})
        column = F(columns[name]) if isinstance(columns[name], str) else columns[name]
        queryset = queryset.annotate(**{SORT: column})

        self.backwards, after = False, None
        if cursor := request.query_params.get("cursor"):
            self.backwards, after = self._open(cursor, queryset.query.annotations[SORT])
        down = descending != self.backwards
        if after is not None:
            value, row_id = after
            step = "lt" if down else "gt"
            # The first condition is implied; it is the one an index can start from.
            queryset = queryset.filter(
                Q(**{f"{SORT}__{step}e": value})
                & (Q(**{f"{SORT}__{step}": value}) | Q(**{f"id__{step}": row_id}))
            )
        sign = "-" if down else ""
        rows = list(queryset.order_by(f"{sign}{SORT}", f"{sign}id")[: self.limit + 1])
        more = len(rows) > self.limit
        rows = rows[: self.limit]
        if self.backwards:
            rows.reverse()
        self.has_next = self.backwards or more
        self.has_previous = more if self.backwards else after is not None
        self.rows: Sequence[Model] = rows
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the addresses of its neighbours, None where there are none."""
        return Response(
            {
                "results": data,
                "next": self._link(-1, backwards=False) if self.has_next else None,
                "previous": self._link(0, backwards=True) if self.has_previous else None,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of a page of `schema`."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Return the parameters that every list has."""
        names = sorted(view.ordering_columns)  # type: ignore[attr-defined]
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        ordering = {"type": "string", "enum": [sign + name for name in names for sign in ("", "-")]}
        return [
            {"name": name, "in": "query", "required": False, "schema": schema, "description": text}
            for name, schema, text in (
                ("cursor", {"type": "string"}, "Where a page starts; taken from `next`."),
                ("limit", limit, "Rows a page."),
                ("ordering", ordering, f"Default: `{view.ordering}`."),  # type: ignore[attr-defined]
            )
        ]

    def _limit(self, given: str | None) -> int:
        if given is None:
            return DEFAULT_LIMIT
        if not (given.isascii() and given.isdecimal() and len(given) < 5):
            raise ValidationError({"limit": f"Give a number from 1 to {MAX_LIMIT}."})
        if not 1 <= int(given) <= MAX_LIMIT:
            raise ValidationError({"limit": f"Give a number from 1 to {MAX_LIMIT}."})
        return int(given)

    def _salt(self) -> str:
        """Return what the cursor is valid for: this path with these other parameters."""
        query = sorted(
            (key, value)
            for key, values in self.request.query_params.lists()
            for value in values
            if key not in {"cursor", "limit"}
        )
        what = f"{self.request.path}?{urlencode(query)}"
        return f"{__name__}:{hashlib.sha256(what.encode()).hexdigest()}"

    def _open(self, cursor: str, column: Any) -> tuple[bool, tuple[Any, int] | None]:
        field: Field[Any, Any] = column.output_field
        try:
            backwards, value, row_id = signing.loads(cursor, salt=self._salt())
            return bool(backwards), (field.to_python(value), int(row_id))
        except (signing.BadSignature, InvalidValue, ValueError, TypeError) as error:
            raise ValidationError({"cursor": "This is no cursor of this list."}) from error

    def _link(self, index: int, *, backwards: bool) -> str | None:
        url = self.request.build_absolute_uri()
        if not self.rows:
            # The page emptied under its reader: what is left starts over.
            return remove_query_param(url, "cursor")
        row = self.rows[index]
        value = getattr(row, SORT)
        value = value.isoformat() if hasattr(value, "isoformat") else str(value)
        cursor = signing.dumps([backwards, value, row.pk], salt=self._salt())
        return replace_query_param(url, "cursor", cursor)
