"""Organisations and their branches; never their settings."""

from django.contrib import admin
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest

from config.admin import WriteAdmin
from organizations.models import Branch, Organization
from organizations.services import operators


@admin.register(Organization)
class OrganizationAdmin(WriteAdmin, admin.ModelAdmin[Organization]):
    list_display = ("display_name", "name", "is_active", "subscription_plan", "max_users")
    list_filter = ("is_active", "subscription_plan")
    ordering = ("display_name", "id")
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


@admin.register(Branch)
class BranchAdmin(WriteAdmin, admin.ModelAdmin[Branch]):
    """A branch, without who works there: that may be hundreds, and is in each person's form."""

    list_display = ("name", "organization", "city", "country", "is_active")
    ordering = ("organization__display_name", "name", "id")
    list_filter = ("is_active", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "city", "organization__name", "organization__display_name")
    autocomplete_fields = ("organization",)
    fields = ("organization", "name", "address", "city", "country", "time_zone", "is_active")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Branch | None = None
    ) -> tuple[str, ...]:
        """Return what stays: a branch never moves to another organisation."""
        return ("organization",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Branch, form: ModelForm[Branch], change: bool
    ) -> None:
        """Save, and settle the active branches of who works there."""
        super().save_model(request, obj, form, change)
        operators.branch_changed(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Branch | None = None) -> bool:
        return False
