import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import accounts.models
import organizations.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Organization",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "name",
                    models.CharField(
                        max_length=100,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9]+(-[a-z0-9]+)*\\Z",
                                "Use lower-case letters, digits and single hyphens.",
                            )
                        ],
                    ),
                ),
                ("display_name", models.CharField(max_length=200)),
                ("domain", models.CharField(blank=True, max_length=253, null=True, unique=True)),
                ("logo", models.URLField(blank=True)),
                ("is_active", models.BooleanField(default=True)),
                ("max_users", models.PositiveIntegerField(default=50)),
                ("subscription_plan", models.CharField(default="basic", max_length=50)),
                ("subscription_end", models.DateTimeField(blank=True, null=True)),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}\\Z", "Give an ISO 3166-1 code such as “CH”."
                            )
                        ],
                    ),
                ),
                ("tax_number", models.CharField(blank=True, max_length=50)),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC",
                        max_length=64,
                        validators=[accounts.models.validate_time_zone],
                    ),
                ),
                ("require_bank_details", models.BooleanField(default=False)),
                (
                    "daily_limit",
                    models.CharField(
                        choices=[("enforce", "Stop"), ("warn", "Warn"), ("off", "Off")],
                        default="warn",
                        max_length=10,
                    ),
                ),
                (
                    "day_rule",
                    models.CharField(
                        choices=[
                            ("split_at_midnight", "Split at midnight"),
                            ("start_day", "The day it started"),
                        ],
                        default="split_at_midnight",
                        max_length=20,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("name"),
                        name="organization_name_any_case",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("daily_limit__in", ["enforce", "warn", "off"])),
                        name="organization_known_limit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("day_rule__in", ["split_at_midnight", "start_day"])),
                        name="organization_known_day_rule",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Branch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=100)),
                ("address", models.CharField(blank=True, max_length=200)),
                ("city", models.CharField(blank=True, max_length=100)),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}\\Z", "Give an ISO 3166-1 code such as “CH”."
                            )
                        ],
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(
                        blank=True,
                        help_text="Empty: the organisation's.",
                        max_length=64,
                        validators=[accounts.models.validate_time_zone],
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="branches",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "branches",
            },
        ),
        migrations.CreateModel(
            name="OrganizationSettings",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "data",
                    models.JSONField(blank=True, default=organizations.models._default_settings),
                ),
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="settings",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "organization settings",
            },
        ),
        migrations.CreateModel(
            name="BranchAssignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("is_active_branch", models.BooleanField(default=False)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "branch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="organizations.branch",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="branch_assignments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "branch"), name="branch_assigned_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_active_branch", True)),
                        fields=("user",),
                        name="one_active_branch",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="branch",
            constraint=models.UniqueConstraint(
                models.F("organization"),
                django.db.models.functions.text.Lower("name"),
                name="branch_name_in_organization",
            ),
        ),
    ]
