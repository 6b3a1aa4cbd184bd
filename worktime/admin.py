"""The platform operators' view of records: running ones first. Nothing is added or deleted here;
a correction goes through the service, so it needs a reason and leaves a revision."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from config.admin import WriteAdmin
from config.errors import DomainError, InvalidField
from worktime.models import WorkTime, WorkTimeRevision
from worktime.services.corrections import CHANGEABLE, change_worktime
from worktime.services.records import Author


class CorrectionForm(forms.ModelForm[WorkTime]):
    """What an operator may correct; valid means corrected."""

    operator_id: ClassVar[int]
    reason = forms.CharField(
        max_length=500, required=False, help_text="Needed for a finished record."
    )

    class Meta:
        model = WorkTime
        fields = CHANGEABLE

    def _post_clean(self) -> None:
        """Let the service decide instead of the model, whose instants this form cuts to seconds."""
        if self.errors:
            return
        changes: dict[str, Any] = {
            name: self.cleaned_data[name] for name in CHANGEABLE if name in self.changed_data
        }
        if "branch" in changes:
            changes["branch"] = changes["branch"].pk
        try:
            with transaction.atomic():
                change_worktime(
                    author=Author(self.operator_id, WorkTime.objects.all()),
                    worktime_id=self.instance.pk,
                    changes=changes,
                    reason=self.cleaned_data["reason"],
                )
        except InvalidField as error:
            for wrong in error.extra["errors"]:
                self.add_error(wrong["field"], wrong["detail"])
        except DomainError as error:
            self.add_error(None, error.detail)


@admin.register(WorkTime)
class WorkTimeAdmin(WriteAdmin, admin.ModelAdmin[WorkTime]):
    form = CorrectionForm
    list_display = ("user", "organization", "branch", "started_at", "ended_at", "source")
    list_filter = ("source", "organization", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "organization", "branch")
    search_fields = ("user__username", "user__email", "user__first_name", "user__last_name")
    date_hierarchy = "started_at"
    show_full_result_count = False
    autocomplete_fields = ("branch",)
    readonly_fields = ("user", "organization", "time_zone", "source", "edited_by", "revisions")
    fields = (
        "user",
        "organization",
        "branch",
        "started_at",
        "ended_at",
        "time_zone",
        "notes",
        "source",
        "edited_by",
        "reason",
        "revisions",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkTime]:
        return super().get_queryset(request).order_by(F("ended_at").desc(nulls_first=True), "-id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: WorkTime | None = None) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: WorkTime | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[WorkTime]]:
        form = super().get_form(request, obj, change, **kwargs)
        form.operator_id = request.user.pk  # type: ignore[attr-defined]
        return form

    def save_model(
        self, request: HttpRequest, obj: WorkTime, form: forms.ModelForm[WorkTime], change: bool
    ) -> None:
        """Do nothing: a valid form is saved."""

    @admin.display(description="Revisions")
    def revisions(self, record: WorkTime) -> SafeString:
        """Return what was done to the record, oldest first."""
        rows = WorkTimeRevision.objects.filter(worktime_id=record.pk).select_related("author")
        return format_html_join(
            "\n",
            "<p>{} {} by {}: {}<br>{}</p>",
            (
                (
                    row.at.isoformat(" ", "seconds"),
                    row.action,
                    row.author or "the system",
                    *_said(row),
                )
                for row in rows.order_by("id")
            ),
        )


@admin.register(WorkTimeRevision)
class WorkTimeRevisionAdmin(admin.ModelAdmin[WorkTimeRevision]):
    """For auditors: also of records that are deleted."""

    list_display = ("worktime_id", "action", "user", "organization", "author", "reason", "at")
    list_filter = ("action", "organization")
    list_select_related = ("user", "organization", "author")
    search_fields = ("=worktime_id", "user__username", "author__username")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: WorkTimeRevision | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: WorkTimeRevision | None = None
    ) -> bool:
        return False


def _said(row: WorkTimeRevision) -> tuple[str, str]:
    """Return the reason, and what differs between the states before and after."""
    before, after = row.before or {}, row.after or {}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    changes = (f"{name}: {before.get(name)} → {after.get(name)}" for name in names)
    return row.reason or "-", "; ".join(changes)
