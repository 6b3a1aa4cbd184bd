"""Turns declared values into JSON and back: dataclasses, enums, tuples, dates and the like.

JSON rather than pickle: whoever can write to Redis must not be able to run code here, and an entry
of another release must fail to be read rather than come back as half an object. Reading always
builds new objects, so nobody shares what a caller may change.
"""

import dataclasses
import hashlib
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Union

MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Codec:
    """How one type is written and read; `shape` changes whenever the type's declaration does."""

    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    shape: str

    @property
    def fingerprint(self) -> str:
        """The shape in few characters, for keys."""
        return hashlib.sha256(self.shape.encode()).hexdigest()[:8]


def codec_of(declared: Any) -> Codec:
    """Return the codec of a type; raises TypeError for one that JSON cannot hold exactly."""
    if declared in PLAIN:
        return PLAIN[declared]
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in (Union, types.UnionType):
        return _optional(declared, arguments)
    if origin is tuple and Ellipsis not in arguments:
        return _fixed(arguments)
    if origin in (tuple, list, frozenset):
        return _many(origin, codec_of(arguments[0]))
    if origin is dict:
        pair = _fixed(arguments)
        return Codec(
            lambda value: [pair.dump(item) for item in value.items()],
            lambda plain: dict(map(pair.load, plain)),
            f"dict[{pair.shape}]",
        )
    if isinstance(declared, type) and issubclass(declared, Enum):
        return Codec(lambda value: value.value, declared, declared.__qualname__)
    if isinstance(declared, type) and dataclasses.is_dataclass(declared):
        return _dataclass(declared)
    raise TypeError(f"a cached value cannot be declared as {declared!r}")


def _same(value: Any) -> Any:
    return value


PLAIN: Final[dict[Any, Codec]] = {
    **{each: Codec(_same, _same, each.__name__) for each in (bool, int, float, str, type(None))},
    datetime: Codec(datetime.isoformat, datetime.fromisoformat, "datetime"),
    date: Codec(date.isoformat, date.fromisoformat, "date"),
    time: Codec(time.isoformat, time.fromisoformat, "time"),
    timedelta: Codec(lambda value: value // MICROSECOND, lambda n: n * MICROSECOND, "timedelta"),
    Decimal: Codec(str, Decimal, "Decimal"),
}


def _optional(declared: Any, arguments: tuple[Any, ...]) -> Codec:
    others = [each for each in arguments if each is not type(None)]
    if len(others) != 1:
        raise TypeError(f"a cached value cannot be one of several types: {declared!r}")
    inner = codec_of(others[0])
    return Codec(
        lambda value: None if value is None else inner.dump(value),
        lambda plain: None if plain is None else inner.load(plain),
        f"{inner.shape}?",
    )


def _many(kind: Any, item: Codec) -> Codec:
    return Codec(
        lambda value: [item.dump(each) for each in value],
        lambda plain: kind([item.load(each) for each in plain]),
        f"{kind.__name__}[{item.shape}]",
    )


def _fixed(arguments: tuple[Any, ...]) -> Codec:
    items = [codec_of(each) for each in arguments]
    return Codec(
        lambda value: [item.dump(each) for item, each in zip(items, value, strict=True)],
        lambda plain: tuple(item.load(each) for item, each in zip(items, plain, strict=True)),
        ", ".join(item.shape for item in items),
    )


def _dataclass(declared: Any) -> Codec:
    hints = typing.get_type_hints(declared)
    fields = {field.name: codec_of(hints[field.name]) for field in dataclasses.fields(declared)}

    def dump(value: Any) -> list[Any]:
        return [codec.dump(getattr(value, name)) for name, codec in fields.items()]

    def load(plain: list[Any]) -> Any:
        pairs = zip(fields.items(), plain, strict=True)
        return declared(**{name: codec.load(member) for (name, codec), member in pairs})

    members = ", ".join(f"{name}: {codec.shape}" for name, codec in fields.items())
    return Codec(dump, load, f"{declared.__qualname__}({members})")
