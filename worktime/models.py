"""When people worked; the database itself keeps one running record and no overlap a person."""

from datetime import UTC, datetime
from typing import Final

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from accounts.models import validate_time_zone
from config.models import Timestamped

ONE_RUNNING = "worktime_one_running"
NO_OVERLAP = "worktime_no_overlap"

# Nobody's records are older, and sums stay clear of the ends of the calendar.
EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)


class Source(models.TextChoices):
    """How a record came to be, or to its end."""

    LIVE = "live"
    MANUAL = "manual"
    LEAD = "lead"
    AUTO_STOP = "auto_stop"
    IMPORT = "import"


class WorkTimeQuerySet(models.QuerySet["WorkTime"]):
    def running(self) -> "WorkTimeQuerySet":
        """Return the records that have no end yet."""
        return self.filter(ended_at=None)

    def overlapping(
        self, user_id: int, started_at: datetime, ended_at: datetime | None
    ) -> "WorkTimeQuerySet":
        """Return a person's records with a moment in [started_at, ended_at), oldest first."""
        records = self.filter(user_id=user_id).exclude(ended_at__lte=started_at)
        if ended_at is not None:
            records = records.filter(started_at__lt=ended_at)
        return records.order_by("started_at")


class WorkTime(Timestamped):
    """One stretch of work, [started_at, ended_at); without an end it is running.

    `time_zone` is the branch's, else the organisation's, else the person's, fixed at the start.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="worktimes")
    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="worktimes"
    )
    branch = models.ForeignKey("organizations.Branch", models.PROTECT, related_name="worktimes")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, validators=[validate_time_zone])
    notes = models.TextField(max_length=2000, blank=True)
    source = models.CharField(max_length=10, choices=Source, default=Source.LIVE)
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who else changed it last.",
    )

    objects = WorkTimeQuerySet.as_manager()

    class Meta:
        verbose_name = "work time"
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(ended_at__isnull=True),
                name=ONE_RUNNING,
                violation_error_message="This person has a running record already.",
            ),
            # Integers compare as ranges of one, which needs no extension (btree_gist).
            ExclusionConstraint(
                name=NO_OVERLAP,
                expressions=[
                    (
                        Func(F("user"), F("user"), Value("[]"), function="int8range"),
                        RangeOperators.EQUAL,
                    ),
                    (
                        Func(
                            F("started_at"),
                            F("ended_at"),
                            RangeBoundary(),
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_message="This person has a record in that time already.",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gt=F("started_at")),
                name="worktime_ends_after_start",
                violation_error_message="The end must be after the start.",
            ),
            models.CheckConstraint(
                condition=Q(source__in=Source.values), name="worktime_known_source"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "started_at"], name="worktime_of_person"),
            # "What reaches into the last days", for many people in one range scan each.
            models.Index(fields=["user", "ended_at"], name="worktime_end_of_person"),
            models.Index(fields=["organization", "started_at"], name="worktime_of_organization"),
            models.Index(
                fields=["organization"],
                condition=Q(ended_at__isnull=True),
                name="worktime_running",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} since {self.started_at:%Y-%m-%d %H:%M}"


class Action(models.TextChoices):
    """What was done to a record."""

    CREATED = "created"
    CHANGED = "changed"
    STOPPED = "stopped"
    AUTO_STOPPED = "auto_stopped"
    IMPORTED = "imported"
    DELETED = "deleted"


class WorkTimeRevision(Timestamped):
    """What was done to a record, by whom and why. Append-only: a trigger refuses all else.

    A person's own clocking in and out leaves none: the record itself says that. `worktime_id` is
    no foreign key, so that a deleted record keeps its history.
    """

    worktime_id = models.BigIntegerField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="worktime_revisions"
    )
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    branch = models.ForeignKey("organizations.Branch", models.PROTECT, related_name="+")
    action = models.CharField(max_length=20, choices=Action)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: the system.",
    )
    reason = models.TextField(max_length=500, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "work time revision"
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=Action.values), name="worktime_revision_known_action"
            )
        ]
        indexes = [models.Index(fields=["worktime_id", "id"], name="worktime_revisions_of_record")]

    def __str__(self) -> str:
        return f"{self.worktime_id} {self.action}"


class OvertimeApproval(Timestamped):
    """A person may work longer on one (local) day of an organisation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="overtime")
    # The limit is the organisation's, so no other organisation's lead may see or raise it.
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    date = models.DateField()
    hours = models.DecimalField(max_digits=4, decimal_places=2)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organization", "date"], name="overtime_once_a_day"
            ),
            models.CheckConstraint(
                condition=Q(hours__gt=0, hours__lte=24), name="overtime_hours_of_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.date}: {self.hours} h"
