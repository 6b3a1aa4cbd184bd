"""The platform operators' view of records: running ones first, nothing is deleted here."""

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from worktime.models import WorkTime


@admin.register(WorkTime)
class WorkTimeAdmin(admin.ModelAdmin[WorkTime]):
    list_display = ("user", "organization", "branch", "started_at", "ended_at", "source")
    list_filter = ("source", "organization", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "organization", "branch")
    search_fields = ("user__username", "user__email", "user__first_name", "user__last_name")
    date_hierarchy = "started_at"
    autocomplete_fields = ("user", "organization", "branch")
    fields = (
        "user",
        "organization",
        "branch",
        "started_at",
        "ended_at",
        "time_zone",
        "notes",
        "source",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkTime]:
        return super().get_queryset(request).order_by(F("ended_at").desc(nulls_first=True), "-id")

    def has_delete_permission(self, request: HttpRequest, obj: WorkTime | None = None) -> bool:
        return False
