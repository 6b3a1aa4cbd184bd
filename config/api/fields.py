"""Serializer fields that are stricter than DRF's."""

from typing import Any, TypeVar

from django.db import models
from rest_framework import serializers

M = TypeVar("M", bound=models.Model)

MAX_ID = 2**63 - 1


class InstantField(serializers.DateTimeField):
    """A date and time *with its offset*; one without could mean any hour of the day."""

    default_error_messages = {
        "naive": "Give the offset from UTC, as in 2026-03-29T08:00:00+02:00 or …Z.",
    }

    def to_internal_value(self, value: Any) -> Any:
        """Return the instant; refuse what is no plain text, which Python's parser may overlook."""
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            self.fail("invalid", format="2026-03-29T08:00:00+02:00")
        return super().to_internal_value(value)

    def enforce_timezone(self, value: Any) -> Any:
        """Return `value`; a naive one is an error instead of a guess."""
        if value.tzinfo is None:
            self.fail("naive")
        return super().enforce_timezone(value)


class FlagField(serializers.BooleanField):
    """True or false, and nothing that may mean one of them, as 0.0 or "off" would."""

    def to_internal_value(self, data: Any) -> bool:
        """Return `data`."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class TextField(serializers.CharField):
    """A text, and no number that could be written as one."""

    def to_internal_value(self, data: Any) -> str:
        """Return `data`, as far as it is a text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class PatternField(TextField, serializers.RegexField):
    """A text of a pattern."""


class StrictModelSerializer(serializers.ModelSerializer[M]):
    """DRF's, with a TextField for each text of the model."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.TextField: TextField,
    }


class IdField(serializers.IntegerField):
    """The id of a row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)
