"""The platform operators' view of organisations. Nothing is deleted here, only deactivated."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from organizations.models import Branch, BranchAssignment, Organization


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin[Organization]):
    list_display = ("display_name", "name", "is_active", "subscription_plan", "max_users")
    list_filter = ("is_active", "subscription_plan")
    search_fields = ("name", "display_name", "domain")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    fields = (
        "name",
        "display_name",
        "domain",
        "logo",
        "is_active",
        "country",
        "tax_number",
        "time_zone",
        "subscription_plan",
        "subscription_end",
        "max_users",
        "require_bank_details",
        "daily_limit",
        "day_rule",
    )

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return False


class BranchAssignmentInline(admin.TabularInline[BranchAssignment, Branch]):
    model = BranchAssignment
    fields = ("user", "is_active_branch", "last_used_at")
    readonly_fields = ("last_used_at",)
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Branch)
class BranchAdmin(admin.ModelAdmin[Branch]):
    list_display = ("name", "organization", "city", "country", "is_active")
    list_filter = ("is_active", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "city", "organization__name", "organization__display_name")
    autocomplete_fields = ("organization",)
    fields = ("organization", "name", "address", "city", "country", "time_zone", "is_active")
    inlines = (BranchAssignmentInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Branch | None = None) -> bool:
        return False
