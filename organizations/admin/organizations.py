"""Organisations and their branches; never their settings."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest

from config.admin import WriteAdmin
from organizations.models import Branch, BranchAssignment, Organization
from organizations.services import operators


@admin.register(Organization)
class OrganizationAdmin(WriteAdmin, admin.ModelAdmin[Organization]):
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

    def save_model(
        self, request: HttpRequest, obj: Organization, form: ModelForm[Organization], change: bool
    ) -> None:
        """Save, with all that follows from it."""
        super().save_model(request, obj, form, change)
        was_closed = "is_active" in form.changed_data and not obj.is_active
        operators.organization_changed(obj, was_closed=was_closed)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Founding takes a founder: `manage.py found_organization`, or the app."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return False


class BranchAssignmentInline(admin.TabularInline[BranchAssignment, Branch]):
    model = BranchAssignment
    fields = ("user", "is_active_branch", "last_used_at")
    readonly_fields = ("is_active_branch", "last_used_at")
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Branch)
class BranchAdmin(WriteAdmin, admin.ModelAdmin[Branch]):
    list_display = ("name", "organization", "city", "country", "is_active")
    list_filter = ("is_active", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "city", "organization__name", "organization__display_name")
    autocomplete_fields = ("organization",)
    fields = ("organization", "name", "address", "city", "country", "time_zone", "is_active")
    inlines = (BranchAssignmentInline,)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Branch | None = None
    ) -> tuple[str, ...]:
        """Return what stays: a branch never moves to another organisation."""
        return ("organization",) if obj else ()

    def save_related(
        self, request: HttpRequest, form: ModelForm[Branch], formsets: Any, change: bool
    ) -> None:
        """Save who works there, and settle their active branches."""
        branch = form.instance
        before = list(branch.assignments.values_list("user_id", flat=True))
        super().save_related(request, form, formsets, change)
        operators.branch_changed(branch, before)

    def has_delete_permission(self, request: HttpRequest, obj: Branch | None = None) -> bool:
        return False
