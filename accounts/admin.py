"""The platform operators' view of people and roles. Nobody is deleted here, only deactivated."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.http import HttpRequest

from accounts.models import Permission, Role, RoleAssignment, User, UserSettings


class UserSettingsInline(admin.TabularInline[UserSettings, User]):
    model = UserSettings
    fields = ("dark_mode", "sidebar_collapsed")
    can_delete = False


class RoleAssignmentInline(admin.TabularInline[RoleAssignment, User]):
    model = RoleAssignment
    fields = ("role", "is_active_role", "last_used_at")
    readonly_fields = ("last_used_at",)
    autocomplete_fields = ("role",)
    extra = 0


@admin.register(User)
class UserAdmin(StockUserAdmin[User]):
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff", "role_assignments__role__organization")
    search_fields = ("username", "email", "first_name", "last_name", "employee_number")
    readonly_fields = ("last_login", "date_joined")
    inlines = (UserSettingsInline, RoleAssignmentInline)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "phone_number", "birthday")}),
        ("Place", {"fields": ("language", "country", "time_zone")}),
        ("Work", {"fields": ("employee_number", "normal_working_hours")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


class PermissionInline(admin.TabularInline[Permission, Role]):
    model = Permission
    fields = ("entity", "access_level")
    extra = 0


@admin.register(Role)
class RoleAdmin(admin.ModelAdmin[Role]):
    list_display = ("name", "organization", "is_admin", "all_branches")
    list_filter = ("is_admin", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "organization__name", "organization__display_name")
    autocomplete_fields = ("organization", "branches")
    fields = ("organization", "name", "description", "is_admin", "all_branches", "branches")
    inlines = (PermissionInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Role | None = None) -> bool:
        return False
