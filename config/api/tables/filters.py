"""Filters as documents: `{"conditions": [...], "operators": [...]}`, checked in full, or refused.

Nothing is ever dropped or guessed: what is not understood is a 400 that names each offender.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django.db.models import Q

from config.api.tables.asker import Asker
from config.api.tables.column import EMPTINESS, MEMBERSHIP, Column, Operator, WrongValue
from config.errors import DomainError

if TYPE_CHECKING:
    from config.api.tables.table import Table

MOST_CONDITIONS: Final = 50
MOST_VALUES: Final = 100
MOST_BYTES: Final = 16 * 1024
CONNECTORS: Final = ("AND", "OR")
KEYS: Final = ("column", "operator", "value")
LONGEST_ECHO: Final = 64

Problem = dict[str, Any]


class InvalidFilter(DomainError):
    """The filter cannot be understood, or names a column that the caller may not use.

    Each of `errors` has `field`, `code` and `detail`; what concerns a condition also has `index`,
    `column`, `operator` and `allowed`.
    """

    status = 400
    code = "invalid_filter"
    detail = "The filter is not valid; see “errors”."

    def __init__(self, errors: list[Problem]) -> None:
        super().__init__(errors=errors)


def refuse(field: str, code: str, detail: str) -> NoReturn:
    """Raise InvalidFilter for what concerns no single condition."""
    raise InvalidFilter([{"field": field, "code": code, "detail": detail}])


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `given` is its value as it was written."""

    column: Column
    operator: Operator
    given: Any
    parsed: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions and the operators between them; AND binds tighter than OR."""

    conditions: tuple[Condition, ...]
    operators: tuple[str, ...]

    def groups(self) -> Iterator[list[Condition]]:
        """Yield the runs of conditions that AND joins; a row matches if it matches one of them."""
        group: list[Condition] = []
        for condition, connector in zip(self.conditions, ("AND", *self.operators), strict=False):
            if connector == "OR":
                yield group
                group = []
            group.append(condition)
        yield group

    def q(self, asker: Asker) -> Q:
        """Return what the filter means now, for who asks; an empty one lets every row pass."""
        if not self.conditions:
            return Q()
        groups = (
            Q(*(each.column.q(each.operator, each.parsed, asker) for each in group))
            for group in self.groups()
        )
        return Q(*groups, _connector=Q.OR)


def load_document(text: str, field: str) -> tuple[Any, Any]:
    """Return conditions and operators of a JSON document; raise InvalidFilter.

    The operators may be left out where there are none.
    """
    if len(text) > MOST_BYTES or len(text.encode(errors="replace")) > MOST_BYTES:
        refuse(field, "too_large", f"A filter has at most {MOST_BYTES} bytes.")
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        refuse(field, "not_json", "This is no JSON.")
    if (
        not isinstance(document, dict)
        or "conditions" not in document
        or document.keys() - {"conditions", "operators"}
    ):
        refuse(field, "wrong_shape", 'Give {"conditions": [...], "operators": [...]}.')
    return document["conditions"], document.get("operators", [])


def parse_filter(
    table: "Table", conditions: Any, operators: Any, asker: Asker, *, prefix: str = ""
) -> Filter:
    """Return the filter that a document says; `prefix` is put before the names of fields.

    Raises InvalidFilter with an error for each offending condition. Pure; takes milliseconds
    whatever it is given.
    """
    if not isinstance(conditions, list):
        refuse(f"{prefix}conditions", "not_a_list", "Give a list of conditions.")
    if not isinstance(operators, list):
        refuse(f"{prefix}operators", "not_a_list", "Give a list of AND and OR.")
    if len(conditions) > MOST_CONDITIONS:
        refuse(
            f"{prefix}conditions",
            "too_many_conditions",
            f"A filter has at most {MOST_CONDITIONS} conditions.",
        )
    if _size(conditions) > MOST_BYTES:
        refuse(f"{prefix}conditions", "too_large", f"A filter has at most {MOST_BYTES} bytes.")
    expected = max(0, len(conditions) - 1)
    if len(operators) != expected or any(each not in CONNECTORS for each in operators):
        detail = f"Between {len(conditions)} conditions stand {expected} of AND or OR."
        refuse(f"{prefix}operators", "wrong_operators", detail)
    parsed, errors = [], []
    for index, condition in enumerate(conditions):
        try:
            parsed.append(_parse_condition(table, condition, asker))
        except _Offence as offence:
            field = f"{prefix}conditions.{index}"
            errors.append({"field": field, "index": index, **offence.problem})
    if errors:
        raise InvalidFilter(errors)
    return Filter(tuple(parsed), tuple(operators))


class _Offence(Exception):
    """What is wrong with one condition."""

    def __init__(
        self, condition: Any, code: str, detail: str, allowed: tuple[str, ...] | list[str]
    ) -> None:
        known = condition if isinstance(condition, dict) else {}
        self.problem: Problem = {
            "code": code,
            "detail": detail,
            "column": _echo(known.get("column")),
            "operator": _echo(known.get("operator")),
            "allowed": [str(each) for each in allowed],
        }


def _parse_condition(table: "Table", condition: Any, asker: Asker) -> Condition:
    if not isinstance(condition, dict) or condition.keys() - set(KEYS):
        raise _Offence(condition, "wrong_shape", "A condition has these members.", KEYS)
    name = condition.get("column")
    column = table.by_name.get(name) if isinstance(name, str) else None
    if column is None or not column.is_open_to(asker):
        known = [each.name for each in table.columns_open_to(asker)]
        if column is None:
            detail = "This table has no such column."
            raise _Offence(condition, "unknown_column", detail, known)
        detail = "Your role may not filter by this column."
        raise _Offence(condition, "column_not_allowed", detail, known)
    operator = condition.get("operator")
    if not isinstance(operator, str) or operator not in column.operators:
        detail = f"A column of type {column.type} has no such operator."
        raise _Offence(condition, "unknown_operator", detail, column.operators)
    operator, given = Operator(operator), condition.get("value")
    return Condition(column, operator, given, _parse_value(column, operator, condition))


def _parse_value(column: Column, operator: Operator, condition: dict[str, Any]) -> tuple[Any, ...]:
    given = condition.get("value")
    if operator in EMPTINESS:
        if given is not None:
            raise _Offence(condition, "wrong_value", "This operator takes no value.", ["null"])
        return ()
    each = ", ".join(column.allowed)
    if operator is Operator.BETWEEN:
        if not isinstance(given, list) or len(given) != 2:
            raise _Offence(condition, "wrong_value", "Give a list of two values.", column.allowed)
    elif operator in MEMBERSHIP:
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_VALUES:
            detail = f"Give a list of 1 to {MOST_VALUES} values."
            raise _Offence(condition, "wrong_value", detail, column.allowed)
    else:
        given = [given]
    try:
        return tuple(column.parse(value) for value in given)
    except WrongValue as error:
        detail = f"This value does not fit; a column of type {column.type} takes: {each}."
        raise _Offence(condition, "wrong_value", detail, column.allowed) from error


def _size(conditions: list[Any]) -> float:
    try:
        text = json.dumps(conditions, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):
        return float("inf")
    return len(text.encode(errors="replace"))


def _echo(text: Any) -> str | None:
    """Return a text that is safe to repeat in an answer."""
    if not isinstance(text, str):
        return None
    return text[:LONGEST_ECHO].encode(errors="replace").decode()


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
