"""Reads JSON bodies, in one place and one meaning for all routes."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, Final, NoReturn

from rest_framework import parsers
from rest_framework.exceptions import ParseError

SURROGATE: Final = re.compile("[\ud800-\udfff]")


class JSONParser(parsers.JSONParser):
    """DRF's, but for what it lets pass (`read_json`)."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body; raise ParseError."""
        return read_json(stream.read())


def read_json(body: bytes) -> Any:
    """Return what a body says; raise ParseError for what is not one plain JSON value in UTF-8.

    That includes what Python's parser lets pass and other parsers read otherwise: a member given
    twice, NaN and infinite numbers, half a surrogate pair, a byte order mark.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise ParseError("The body is not UTF-8.") from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise ParseError("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}") from error
    # Only an escape can make one: UTF-8 has none.
    if "\\u" in text:
        _require_whole_characters(value, "the body")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ParseError(f"The member {json.dumps(twice)} is given twice.")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ParseError(f"The number {text[:40]} is too large.")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is no JSON number.")


def _require_whole_characters(value: Any, where: str) -> None:
    if isinstance(value, str):
        if SURROGATE.search(value):
            raise ParseError(f"There is half a surrogate pair in {where}.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _require_whole_characters(name, "a member's name")
            _require_whole_characters(inner, f"{name}")
    elif isinstance(value, list):
        for inner in value:
            _require_whole_characters(inner, where)
