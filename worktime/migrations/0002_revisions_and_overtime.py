import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0001_organizations"),
        ("worktime", "0001_worktime"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="OvertimeApproval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("date", models.DateField()),
                ("hours", models.DecimalField(decimal_places=2, max_digits=4)),
            ],
        ),
        migrations.CreateModel(
            name="WorkTimeRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("worktime_id", models.BigIntegerField()),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("changed", "Changed"),
                            ("stopped", "Stopped"),
                            ("auto_stopped", "Auto Stopped"),
                            ("imported", "Imported"),
                            ("deleted", "Deleted"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reason", models.TextField(blank=True, max_length=500)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "work time revision",
            },
        ),
        migrations.AddField(
            model_name="worktime",
            name="edited_by",
            field=models.ForeignKey(
                blank=True,
                help_text="Who else changed it last.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="worktime",
            index=models.Index(fields=["user", "ended_at"], name="worktime_end_of_person"),
        ),
        migrations.AddField(
            model_name="overtimeapproval",
            name="approved_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="overtimeapproval",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.organization",
            ),
        ),
        migrations.AddField(
            model_name="overtimeapproval",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="overtime",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="worktimerevision",
            name="author",
            field=models.ForeignKey(
                help_text="Empty: the system.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="worktimerevision",
            name="branch",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.branch",
            ),
        ),
        migrations.AddField(
            model_name="worktimerevision",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.organization",
            ),
        ),
        migrations.AddField(
            model_name="worktimerevision",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="worktime_revisions",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="overtimeapproval",
            constraint=models.UniqueConstraint(
                fields=("user", "organization", "date"), name="overtime_once_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="overtimeapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(("hours__gt", 0), ("hours__lte", 24)),
                name="overtime_hours_of_a_day",
            ),
        ),
        migrations.AddIndex(
            model_name="worktimerevision",
            index=models.Index(fields=["worktime_id", "id"], name="worktime_revisions_of_record"),
        ),
        migrations.AddConstraint(
            model_name="worktimerevision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "action__in",
                        ["created", "changed", "stopped", "auto_stopped", "imported", "deleted"],
                    )
                ),
                name="worktime_revision_known_action",
            ),
        ),
    ]
