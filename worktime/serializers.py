"""What the API takes and shows of working time."""

from rest_framework import serializers

from accounts.models import User
from config.api.fields import IdField, InstantField
from organizations.models import Branch
from worktime.models import WorkTime


class PersonBriefSerializer(serializers.ModelSerializer[User]):
    """A person beside something of theirs."""

    class Meta:
        model = User
        fields = ("id", "username", "first_name", "last_name")


class BranchBriefSerializer(serializers.ModelSerializer[Branch]):
    """A branch beside something of its own."""

    class Meta:
        model = Branch
        fields = ("id", "name")


class WorkTimeSerializer(serializers.ModelSerializer[WorkTime]):
    """A record; `ended_at` and `duration_seconds` are null while it runs."""

    user = PersonBriefSerializer()
    branch = BranchBriefSerializer()
    duration_seconds = serializers.SerializerMethodField()

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
        )

    def get_duration_seconds(self, record: WorkTime) -> float | None:
        """Return the difference of the two instants."""
        if record.ended_at is None:
            return None
        return (record.ended_at - record.started_at).total_seconds()


class StartSerializer(serializers.Serializer[object]):
    """How to clock in; everything may be left out."""

    branch = IdField(required=False, allow_null=True, help_text="Default: the active branch.")
    started_at = InstantField(
        required=False, allow_null=True, help_text="Up to 24 h back. Default: now."
    )
    notes = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class StoppedSerializer(WorkTimeSerializer):
    """The record that was stopped, now or before."""

    already_stopped = serializers.BooleanField()

    class Meta(WorkTimeSerializer.Meta):
        fields: tuple[str, ...] = (*WorkTimeSerializer.Meta.fields, "already_stopped")


class ActiveSerializer(serializers.Serializer[object]):
    """The running record, or null."""

    worktime = WorkTimeSerializer(allow_null=True)
