"""The platform operators' view of records: running ones first. Nothing is added or deleted here;
a correction goes through the service, so it needs a reason and leaves a revision."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.checks import InlineModelAdminChecks
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest

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


class RevisionsFormSet(forms.BaseModelFormSet[WorkTimeRevision, Any]):
    """A record's revisions, shown: what is posted about them is not read, and nothing is saved."""

    def __init__(
        self, *, instance: WorkTime, queryset: QuerySet[WorkTimeRevision], **kwargs: Any
    ) -> None:
        super().__init__(
            queryset=queryset.filter(worktime_id=instance.pk), prefix=kwargs.get("prefix")
        )
        self.new_objects, self.changed_objects, self.deleted_objects = [], [], []

    @classmethod
    def get_default_prefix(cls) -> str:
        return "revisions"

    def is_valid(self) -> bool:
        return True

    def save(self, commit: bool = True) -> list[WorkTimeRevision]:
        return []


class RelatedByNumber(InlineModelAdminChecks):
    """Checks of an inline that is found without a foreign key."""

    def _check_relation(self, *args: Any) -> list[Any]:
        return []

    def _check_exclude_of_parent_model(self, *args: Any) -> list[Any]:
        return []


class RevisionInline(admin.TabularInline[WorkTimeRevision, WorkTime]):
    """What was done to a record, oldest first."""

    model = WorkTimeRevision
    checks_class = RelatedByNumber
    fields = readonly_fields = ("at", "action", "author", "reason", "changes")
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkTimeRevision]:
        return super().get_queryset(request).select_related("author")

    def get_formset(self, *args: Any, **kwargs: Any) -> Any:
        """Return the formset that asks for the record's number; there is no foreign key."""
        return forms.modelformset_factory(
            WorkTimeRevision, formset=RevisionsFormSet, fields=(), extra=0
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Changes")
    def changes(self, row: WorkTimeRevision) -> str:
        """Return what differs between the states before and after."""
        before, after = row.before or {}, row.after or {}
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return "; ".join(f"{name}: {before.get(name)} → {after.get(name)}" for name in names)


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
    readonly_fields = ("user", "organization", "time_zone", "source", "edited_by")
    inlines = (RevisionInline,)
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
        form: type[CorrectionForm] = super().get_form(request, obj, change, **kwargs)
        form.operator_id = request.user.pk or 0
        return form

    def save_model(
        self, request: HttpRequest, obj: WorkTime, form: forms.ModelForm[WorkTime], change: bool
    ) -> None:
        """Do nothing: a valid form is saved."""


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
