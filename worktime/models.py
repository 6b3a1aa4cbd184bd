"""When people worked; the database itself keeps one running record and no overlap a person."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from accounts.models import validate_time_zone
from config.models import Timestamped

ONE_RUNNING = "worktime_one_running"
NO_OVERLAP = "worktime_no_overlap"


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
            models.Index(fields=["organization", "started_at"], name="worktime_of_organization"),
            models.Index(
                fields=["organization"],
                condition=Q(ended_at__isnull=True),
                name="worktime_running",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} since {self.started_at:%Y-%m-%d %H:%M}"
