"""The platform operators' view of saved filters: to find out, rename, unshare and delete."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from config.admin import DeleteOnly, WriteAdmin
from filterlists.models import FilterGroup, FilterList, TableSettings
from filterlists.services import tell, tell_person


class FilterListForm(forms.ModelForm[FilterList]):
    def _get_validation_exclusions(self) -> Any:
        """Check the name too, which is unique among columns that this page only shows."""
        excluded = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"user", "organization", "table"}


@admin.register(FilterList)
class FilterListAdmin(WriteAdmin, admin.ModelAdmin[FilterList]):
    form = FilterListForm
    list_display = ("name", "table", "user", "organization", "is_shared")
    list_filter = ("table", "is_shared", "organization")
    list_select_related = ("user", "organization")
    search_fields = ("name", "user__username", "user__email")
    fields = ("name", "table", "user", "organization", "is_shared", "conditions", "operators")
    readonly_fields = ("table", "user", "organization", "conditions", "operators")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: FilterList, form: Any, change: bool) -> None:
        tell(FilterList.objects.get(pk=obj.pk))
        super().save_model(request, obj, form, change)
        tell(obj)

    def delete_model(self, request: HttpRequest, obj: FilterList) -> None:
        tell(obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            tell(row)
        super().delete_queryset(request, queryset)


class OfPersonAdmin(WriteAdmin, DeleteOnly, admin.ModelAdmin[Any]):
    """What belongs to one person: looked at, and deleted."""

    list_filter = ("table",)
    search_fields = ("user__username", "user__email")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        tell_person(obj.user_id)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        user_ids = set(queryset.values_list("user_id", flat=True))
        super().delete_queryset(request, queryset)
        tell_person(*user_ids)


@admin.register(FilterGroup)
class FilterGroupAdmin(OfPersonAdmin):
    list_display = ("name", "table", "user", "organization")
    list_select_related = ("user", "organization")
    fields = ("name", "table", "user", "organization", "position")


@admin.register(TableSettings)
class TableSettingsAdmin(OfPersonAdmin):
    list_display = ("table", "user", "view_mode", "sort")
    list_select_related = ("user",)
    fields = ("table", "user", "column_order", "hidden_columns", "view_mode", "sort")
