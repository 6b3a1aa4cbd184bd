import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0001_organizations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FilterGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("table", models.CharField(max_length=50)),
                ("name", models.CharField(max_length=100)),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FilterList",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("table", models.CharField(max_length=50)),
                ("name", models.CharField(max_length=100)),
                ("conditions", models.JSONField(blank=True, default=list)),
                ("operators", models.JSONField(blank=True, default=list)),
                ("position", models.PositiveIntegerField(default=0)),
                ("is_shared", models.BooleanField(default=False)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="lists",
                        to="filterlists.filtergroup",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TableSettings",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("table", models.CharField(max_length=50)),
                ("column_order", models.JSONField(blank=True, default=list)),
                ("hidden_columns", models.JSONField(blank=True, default=list)),
                (
                    "view_mode",
                    models.CharField(
                        choices=[("table", "Table"), ("cards", "Cards")],
                        default="table",
                        max_length=10,
                    ),
                ),
                ("sort", models.CharField(blank=True, max_length=60)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "table settings",
            },
        ),
        migrations.AddConstraint(
            model_name="filtergroup",
            constraint=models.UniqueConstraint(
                models.F("user"),
                models.F("organization"),
                models.F("table"),
                django.db.models.functions.text.Lower("name"),
                name="filter_group_name",
                violation_error_message="This person has a group of this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="filtergroup",
            constraint=models.UniqueConstraint(
                fields=("id", "user", "organization", "table"), name="filter_group_whole"
            ),
        ),
        migrations.AddIndex(
            model_name="filterlist",
            index=models.Index(
                condition=models.Q(("is_shared", True)),
                fields=["organization", "table"],
                name="filter_list_shared",
            ),
        ),
        migrations.AddConstraint(
            model_name="filterlist",
            constraint=models.UniqueConstraint(
                models.F("user"),
                models.F("organization"),
                models.F("table"),
                django.db.models.functions.text.Lower("name"),
                name="filter_list_name",
                violation_error_message="This person has a list of this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="tablesettings",
            constraint=models.UniqueConstraint(
                fields=("user", "table"), name="table_settings_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="tablesettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("view_mode__in", ["table", "cards"])),
                name="table_settings_known_view",
            ),
        ),
    ]
