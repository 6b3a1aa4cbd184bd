"""What filters mean, in plain Python: the second opinion that SQL is compared with.

Written from docs/filters.md alone; shares no code with config.api.tables.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass
class World:
    """Who asks, when and where."""

    me: int
    my_role: int
    my_branch: int | None
    zone: ZoneInfo
    now: datetime
    types: dict[str, str]

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


def passes(row: dict[str, Any], document: dict[str, Any], world: World) -> bool:
    """Return whether a row passes: any of the AND-runs has only true conditions."""
    results = [_holds(row, each, world) for each in document["conditions"]]
    if not results:
        return True
    runs = [[results[0]]]
    for connector, result in zip(document["operators"], results[1:], strict=True):
        if connector == "OR":
            runs.append([result])
        else:
            runs[-1].append(result)
    return any(all(run) for run in runs)


def _holds(row: dict[str, Any], condition: dict[str, Any], world: World) -> bool:
    column, operator = condition["column"], condition["operator"]
    given: Any = condition.get("value")
    held = row[column]
    if operator == "is_empty":
        return held in (None, "") or held == set()
    if operator == "is_not_empty":
        return not _holds(row, {**condition, "operator": "is_empty"}, world)
    if operator == "not_equals":
        return not _holds(row, {**condition, "operator": "equals"}, world)
    if operator == "not_in":
        return not _holds(row, {**condition, "operator": "in"}, world)
    if operator == "in":
        return any(
            _holds(row, {**condition, "operator": "equals", "value": v}, world) for v in given
        )
    if operator == "between":
        low = {**condition, "operator": "on_or_after", "value": given[0]}
        return _holds(row, low, world) and _holds(
            row, {**condition, "operator": "on_or_before", "value": given[1]}, world
        )
    compare = COMPARISONS[world.types[column]]
    if isinstance(held, set):
        return any(compare(operator, each, given, world) for each in held)
    return held is not None and compare(operator, held, given, world)


def _text(operator: str, held: str, given: str, world: World) -> bool:
    held, given = held.lower(), given.lower()
    return {
        "equals": held == given,
        "contains": given in held,
        "starts_with": held.startswith(given),
        "ends_with": held.endswith(given),
    }[operator]


def _same(operator: str, held: Any, given: Any, world: World) -> bool:
    if isinstance(given, str) and given.startswith("@"):
        given = {"@me": world.me, "@my_role": world.my_role, "@my_branch": world.my_branch}[given]
    return bool(held == given)


def _order(operator: str, held: Any, first: Any, last: Any) -> bool:
    return bool(
        {
            "equals": first <= held <= last,
            "before": held < first,
            "after": held > last,
            "on_or_before": held <= last,
            "on_or_after": held >= first,
        }[operator]
    )


def _number(operator: str, held: Decimal, given: float, world: World) -> bool:
    return _order(operator, held, Decimal(str(given)), Decimal(str(given)))


def _day(operator: str, held: date, given: str, world: World) -> bool:
    days = _days(given, world.today)
    return _order(operator, held, min(days), max(days))


def _instant(operator: str, held: datetime, given: str, world: World) -> bool:
    if "T" in given:
        instant = datetime.fromisoformat(given)
        return _order(operator, held, instant, instant)
    return _day(operator, held.astimezone(world.zone).date(), given, world)


def _days(given: str, today: date) -> list[date]:
    """Return the days, found by looking at each one around today."""
    if not given.startswith("@"):
        return [date.fromisoformat(given)]
    if given.startswith(("@today+", "@today-")):
        return [today + int(given[6:]) * DAY]
    last_of_last_month = today.replace(day=1) - DAY
    belongs: Callable[[date], bool] = {
        "@today": lambda d: d == today,
        "@yesterday": lambda d: d == today - DAY,
        "@tomorrow": lambda d: d == today + DAY,
        "@this_week": lambda d: d.isocalendar()[:2] == today.isocalendar()[:2],
        "@last_week": lambda d: d.isocalendar()[:2] == (today - 7 * DAY).isocalendar()[:2],
        "@this_fortnight": lambda d: (
            (d.year, d.month, d.day <= 15) == (today.year, today.month, today.day <= 15)
        ),
        "@this_month": lambda d: (d.year, d.month) == (today.year, today.month),
        "@last_month": lambda d: (
            (d.year, d.month) == (last_of_last_month.year, last_of_last_month.month)
        ),
        "@this_year": lambda d: d.year == today.year,
    }[given]
    return [day for n in range(-400, 401) if belongs(day := today + n * DAY)]


COMPARISONS: dict[str, Callable[[str, Any, Any, World], bool]] = {
    "text": _text,
    "choice": _same,
    "boolean": _same,
    "number": _number,
    "date": _day,
    "datetime": _instant,
    "person": _same,
    "role": _same,
    "branch": _same,
}
