"""What is cached comes back equal, as new objects, and only if it was declared."""

import json
from dataclasses import dataclass, make_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import pytest

from accounts.cache import ActiveRole, HeldRole, Person, RoleOrganization, Settings
from accounts.models import AccessLevel
from config.cache.codec import codec_of

SINCE = datetime(2024, 3, 31, 1, tzinfo=UTC)


class Reach(IntEnum):
    NONE = 0
    ALL = 2


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    day: date
    at: time
    reach: Reach


@dataclass(frozen=True, slots=True)
class Outer:
    moment: datetime
    lasting: timedelta
    price: Decimal
    share: float
    inner: Inner
    maybe: Inner | None
    several: tuple[Inner, ...]
    pair: tuple[int, str]
    numbers: frozenset[int]
    by_number: dict[int, Colour]


def through_json(declared: Any, value: Any) -> Any:
    codec = codec_of(declared)
    return codec.load(json.loads(json.dumps(codec.dump(value))))


def test_it_works() -> None:
    inner = Inner(date(2024, 2, 29), time(23, 59, 59, 999_999), Reach.ALL)
    value = Outer(
        moment=datetime(2024, 3, 31, 1, 59, 59, 1, tzinfo=UTC),
        lasting=timedelta(days=-1, microseconds=1),
        price=Decimal("0.10"),
        share=0.1 + 0.2,
        inner=inner,
        maybe=None,
        several=(inner, inner),
        pair=(7, "ä€😀\x00"),
        numbers=frozenset({1, 2}),
        by_number={7: Colour.RED},
    )
    again = through_json(Outer, value)
    assert again == value
    assert type(again.inner.reach) is Reach
    assert type(again.numbers) is frozenset


def test_a_persons_context() -> None:
    organization = RoleOrganization(3, "nordwind", "Nordwind", "")
    role = ActiveRole(
        5, "Lead", 3, False, frozenset({1}), {"worktime": AccessLevel.ALL_BOTH}, SINCE
    )
    person = Person(
        id=7,
        username="bob",
        email="bob@example.org",
        first_name="",
        last_name="",
        language="de",
        country="DE",
        time_zone="Europe/Berlin",
        settings=Settings(),
        roles=(HeldRole(5, "Lead", organization, True),),
        active_role=role,
    )
    assert through_json(Person, person) == person


@pytest.mark.parametrize("value", [None, 0, -1])
def test_none_is_a_value(value: int | None) -> None:
    assert through_json(int | None, value) == value


def test_reading_makes_new_objects() -> None:
    codec = codec_of(dict[str, int])
    plain = codec.dump({"a": 1})
    codec.load(plain)["a"] = 2
    assert codec.load(plain) == {"a": 1}


@pytest.mark.parametrize("declared", [object, Any, None, int | str, set[int], type, dict])
def test_what_json_cannot_hold_is_refused(declared: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        codec_of(declared)


def test_a_changed_declaration_has_another_fingerprint() -> None:
    def fingerprint(*fields: tuple[str, Any]) -> str:
        return codec_of(make_dataclass("Card", fields)).fingerprint

    first = fingerprint(("id", int), ("name", str))
    assert first == fingerprint(("id", int), ("name", str))
    others = [
        fingerprint(("id", int)),
        fingerprint(("name", str), ("id", int)),
        fingerprint(("id", int), ("title", str)),
        fingerprint(("id", int), ("name", str | None)),
        fingerprint(("id", int), ("name", tuple[str, ...])),
    ]
    assert len({first, *others}) == 6


def test_an_entry_of_another_shape_cannot_be_read() -> None:
    old, new = codec_of(make_dataclass("Card", [("id", int)])), codec_of(Inner)
    with pytest.raises((TypeError, ValueError)):
        new.load(old.dump(make_dataclass("Card", [("id", int)])(7)))
