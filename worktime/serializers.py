"""What the API takes and shows of working time."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.serializers import PersonBriefSerializer
from config.api.fields import IdField, InstantField, TextField
from config.api.schema import example
from organizations.models import Branch, DayRule
from worktime.limits import is_too_long
from worktime.models import WorkTime, WorkTimeRevision
from worktime.periods import FIRST_YEAR, FORMS, LAST_YEAR


def notes_field() -> TextField:
    """Return a field for notes."""
    return TextField(required=False, allow_blank=True, max_length=2000)


def validate_working_day(day: date) -> None:
    """Refuse a day of a year that sums do not reach."""
    if not FIRST_YEAR < day.year < LAST_YEAR:
        raise serializers.ValidationError("There is no such working day.", "out_of_range")


def reason_field() -> TextField:
    """Return a field for a reason."""
    return TextField(required=False, allow_blank=True, max_length=500)


class BranchBriefSerializer(serializers.ModelSerializer[Branch]):
    """A branch beside something of its own."""

    class Meta:
        model = Branch
        fields = ("id", "name")


class SecondsField(serializers.FloatField):
    """A duration in seconds."""

    def to_representation(self, value: Any) -> Any:
        """Return the seconds of a timedelta."""
        return value.total_seconds()


class WorkTimeSerializer(serializers.ModelSerializer[WorkTime]):
    """A record; `ended_at` and `duration_seconds` are null while it runs.

    `edited_by` is who else changed it last; `runs_too_long` marks one that was probably forgotten.
    """

    user = PersonBriefSerializer()
    branch = BranchBriefSerializer()
    edited_by = PersonBriefSerializer(allow_null=True)
    duration_seconds = serializers.SerializerMethodField()
    runs_too_long = serializers.SerializerMethodField()

    class Meta:
        model = WorkTime
        fields: tuple[str, ...] = (
            "id",
            "user",
            "branch",
            "started_at",
            "ended_at",
            "duration_seconds",
            "time_zone",
            "notes",
            "source",
            "edited_by",
            "runs_too_long",
        )

    def get_duration_seconds(self, record: WorkTime) -> float | None:
        """Return the difference of the two instants."""
        if record.ended_at is None:
            return None
        return (record.ended_at - record.started_at).total_seconds()

    def get_runs_too_long(self, record: WorkTime) -> bool:
        """Return whether it has run for more than 16 hours."""
        # This machine's clock will do for that, and costs no query.
        return record.ended_at is None and is_too_long(record.started_at, timezone.now())


@example(
    started_at="2026-03-03T08:00:00+01:00",
    ended_at="2026-03-03T12:30:00+01:00",
    notes="Stocktaking",
    reason="The terminal was out of order.",
)
class ManualSerializer(serializers.Serializer[object]):
    """Work to record after the fact."""

    user = IdField(required=False, help_text="Default: oneself.")
    branch = IdField(required=False, help_text="Default: one's own active branch.")
    started_at = InstantField()
    ended_at = InstantField()
    notes = notes_field()
    reason = reason_field()


@example(notes="Stocktaking, second floor", reason="A note was missing.")
class ChangeSerializer(serializers.Serializer[object]):
    """What to change of a record. A finished one needs a reason and stays finished."""

    branch = IdField(required=False)
    started_at = InstantField(required=False)
    ended_at = InstantField(required=False)
    notes = notes_field()
    reason = reason_field()


class DeleteSerializer(serializers.Serializer[object]):
    """Why a record is deleted."""

    reason = reason_field()


class RevisionSerializer(serializers.ModelSerializer[WorkTimeRevision]):
    """What was done to a record; `author` is null for the system."""

    author = PersonBriefSerializer(allow_null=True)
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)

    class Meta:
        model = WorkTimeRevision
        fields = ("id", "worktime_id", "action", "author", "reason", "before", "after", "at")


@example(notes="Early shift")
class StartSerializer(serializers.Serializer[object]):
    """How to clock in; everything may be left out."""

    branch = IdField(required=False, allow_null=True, help_text="Default: the active branch.")
    started_at = InstantField(
        required=False, allow_null=True, help_text="Up to 24 h back. Default: now."
    )
    notes = notes_field()


class StoppedSerializer(WorkTimeSerializer):
    """The record that was stopped, now or before."""

    already_stopped = serializers.BooleanField()

    class Meta(WorkTimeSerializer.Meta):
        fields: tuple[str, ...] = (*WorkTimeSerializer.Meta.fields, "already_stopped")


class ActiveSerializer(serializers.Serializer[object]):
    """The running record, or null."""

    worktime = WorkTimeSerializer(allow_null=True)


class BreakSerializer(serializers.Serializer[object]):
    """A gap between two records of a day."""

    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    seconds = SecondsField(source="duration")


class DaySerializer(serializers.Serializer[object]):
    """One day; `difference_seconds` is null for a day that has not begun."""

    date = serializers.DateField(source="day")
    worked_seconds = SecondsField(source="worked")
    running_seconds = SecondsField(source="running")
    target_seconds = SecondsField(source="target")
    difference_seconds = SecondsField(source="difference", allow_null=True)
    limit_seconds = SecondsField(source="limit")
    breaks = BreakSerializer(many=True)


class PeriodSerializer(serializers.Serializer[object]):
    """A period, with its bounds at the caller's midnights."""

    kind = serializers.ChoiceField(list(FORMS))
    name = serializers.CharField()
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()


class WorkTimeStatsSerializer(serializers.Serializer[object]):
    """A person's working time in a period; `average_seconds` is per day with work.

    The days are those of each record's zone; `day_rule` says which day a record across midnight
    counts for. `difference_seconds` sums the days that began. `days` is missing in the simple form.
    """

    user = PersonBriefSerializer()
    period = PeriodSerializer()
    time_zone = serializers.CharField()
    day_rule = serializers.ChoiceField(DayRule.choices)
    worked_seconds = SecondsField(source="sums.worked")
    running_seconds = SecondsField(source="sums.running")
    target_seconds = SecondsField(source="sums.target")
    difference_seconds = SecondsField(source="sums.difference")
    break_seconds = SecondsField(source="sums.breaks")
    worked_days = serializers.IntegerField(source="sums.worked_days")
    average_seconds = SecondsField(source="sums.average")
    days = DaySerializer(source="sums.days", many=True, required=False)


class TodaySerializer(serializers.Serializer[object]):
    """What a person has worked of the day; limit and remaining are null where there is none."""

    date = serializers.DateField(source="day")
    worked_seconds = SecondsField(source="worked")
    limit_seconds = SecondsField(source="limit", allow_null=True)
    remaining_seconds = SecondsField(source="remaining", allow_null=True)


class AtWorkSerializer(serializers.Serializer[object]):
    """Who is clocked in, with the person's day in the zone of the record."""

    worktime = WorkTimeSerializer()
    today = TodaySerializer()


@example(user=2, reason="Went home at noon.")
class TeamStopSerializer(serializers.Serializer[object]):
    """Whom to clock out, and why."""

    user = IdField()
    reason = reason_field()


@example(user=2, date="2026-03-03", hours="1.50")
class OvertimeSerializer(serializers.Serializer[object]):
    """How much longer a person may work on a day; 0 withdraws it."""

    user = IdField()
    date = serializers.DateField(validators=[validate_working_day])
    hours = serializers.DecimalField(
        max_digits=4, decimal_places=2, min_value=Decimal(0), max_value=Decimal(24)
    )
