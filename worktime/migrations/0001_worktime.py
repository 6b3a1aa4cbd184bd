import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0001_organizations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WorkTime",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "time_zone",
                    models.CharField(
                        max_length=64, validators=[accounts.models.validate_time_zone]
                    ),
                ),
                ("notes", models.TextField(blank=True, max_length=2000)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("live", "Live"),
                            ("manual", "Manual"),
                            ("lead", "Lead"),
                            ("auto_stop", "Auto Stop"),
                            ("import", "Import"),
                        ],
                        default="live",
                        max_length=10,
                    ),
                ),
                (
                    "branch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="worktimes",
                        to="organizations.branch",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="worktimes",
                        to="organizations.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="worktimes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "work time",
                "indexes": [
                    models.Index(fields=["user", "started_at"], name="worktime_of_person"),
                    models.Index(
                        fields=["organization", "started_at"], name="worktime_of_organization"
                    ),
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["organization"],
                        name="worktime_running",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at__isnull", True),
                            ("ended_at__gt", models.F("started_at")),
                            _connector="OR",
                        ),
                        name="worktime_ends_after_start",
                        violation_error_message="The end must be after the start.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("source__in", ["live", "manual", "lead", "auto_stop", "import"])
                        ),
                        name="worktime_known_source",
                    ),
                ],
            },
        ),
        # In this order: of two violated constraints PostgreSQL names the older index's, and
        # "already running" says more than "overlaps".
        migrations.AddConstraint(
            model_name="worktime",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("user",),
                name="worktime_one_running",
                violation_error_message="This person has a running record already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="worktime",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    (
                        models.Func(
                            models.F("user"),
                            models.F("user"),
                            models.Value("[]"),
                            function="int8range",
                        ),
                        "=",
                    ),
                    (
                        models.Func(
                            models.F("started_at"),
                            models.F("ended_at"),
                            django.contrib.postgres.fields.ranges.RangeBoundary(),
                            function="tstzrange",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="worktime_no_overlap",
                violation_error_message="This person has a record in that time already.",
            ),
        ),
    ]
