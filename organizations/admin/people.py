"""People and their roles."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from accounts.models import Permission, Role, RoleAssignment, User, UserSettings
from config.admin import WriteAdmin, run
from organizations.models import BranchAssignment
from organizations.services import operators


class UserSettingsInline(admin.TabularInline[UserSettings, User]):
    model = UserSettings
    fields = ("dark_mode", "sidebar_collapsed")
    can_delete = False


class AssignmentInline(admin.TabularInline[Any, User]):
    """What a person has is added and taken away, not turned into something else."""

    extra = 0

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


class RoleAssignmentInline(AssignmentInline):
    model = RoleAssignment
    fields = ("role", "is_active_role", "last_used_at")
    readonly_fields = ("is_active_role", "last_used_at")
    autocomplete_fields = ("role",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RoleAssignment]:
        return super().get_queryset(request).select_related("role")


class BranchAssignmentInline(AssignmentInline):
    model = BranchAssignment
    fields = ("branch", "is_active_branch", "last_used_at")
    readonly_fields = ("is_active_branch", "last_used_at")
    autocomplete_fields = ("branch",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BranchAssignment]:
        return super().get_queryset(request).select_related("branch")


@admin.register(User)
class UserAdmin(WriteAdmin, StockUserAdmin[User]):
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff", "role_assignments__role__organization")
    search_fields = ("username", "email", "first_name", "last_name", "employee_number")
    readonly_fields = ("last_login", "date_joined")
    inlines = (UserSettingsInline, RoleAssignmentInline, BranchAssignmentInline)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "phone_number", "birthday")}),
        ("Place", {"fields": ("language", "country", "time_zone")}),
        ("Work", {"fields": ("employee_number", "normal_working_hours")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "email", "usable_password", "password1", "password2")}),
    )

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """Return the inlines; a new person gets a name and a password first."""
        return self.inlines if obj else ()

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add a person; Django's own opens a transaction, which `@write` has to be around."""
        view = super().add_view
        return run(request, lambda: view(request, form_url, extra_context))

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Set a password; the same."""
        view = super().user_change_password
        return run(request, lambda: view(request, id, form_url))

    def save_related(
        self, request: HttpRequest, form: ModelForm[User], formsets: Iterable[Any], change: bool
    ) -> None:
        """Save roles and branches, with all that follows from them and from the form."""
        user = form.instance
        formsets = list(formsets)
        # Of what is there already the forms hold numbers.
        roles = [each.get("role") for formset in formsets for each in formset.cleaned_data]
        chosen = {role.organization_id for role in roles if isinstance(role, Role)}
        with operators.membership_of(user, chosen):
            super().save_related(request, form, formsets, change)
        if "email" in form.changed_data:
            operators.set_email(user_id=user.pk, email=user.email)
        if change and "is_active" in form.changed_data:
            operators.set_activity(user_id=user.pk, is_active=user.is_active)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


class PermissionInline(admin.TabularInline[Permission, Role]):
    model = Permission
    fields = ("entity", "access_level")
    extra = 0


@admin.register(Role)
class RoleAdmin(WriteAdmin, admin.ModelAdmin[Role]):
    list_display = ("name", "organization", "is_admin", "all_branches")
    ordering = ("organization__display_name", "name", "id")
    list_filter = ("is_admin", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "organization__name", "organization__display_name")
    autocomplete_fields = ("organization", "branches")
    fields = ("organization", "name", "description", "is_admin", "all_branches", "branches")
    inlines = (PermissionInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Role | None = None) -> tuple[str, ...]:
        """Return what stays: a role never moves to another organisation."""
        return ("organization",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Role, form: ModelForm[Role], change: bool
    ) -> None:
        """Save the role, once no write is under way that it grants."""
        if change:
            operators.begin_role_change(obj)
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: ModelForm[Role], formsets: Any, change: bool
    ) -> None:
        """Save permissions and branches; an admin must remain."""
        super().save_related(request, form, formsets, change)
        operators.role_changed(form.instance)

    def has_delete_permission(self, request: HttpRequest, obj: Role | None = None) -> bool:
        return False
