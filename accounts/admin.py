"""The platform operators' view of tokens: whose they are and what for, never what they are."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import ApiToken
from config.admin import WriteAdmin


@admin.register(ApiToken)
class ApiTokenAdmin(WriteAdmin, admin.ModelAdmin[ApiToken]):
    list_display = ("name", "user", "role_assignment", "scopes", "created_at", "expiry")
    list_select_related = ("user", "role_assignment")
    search_fields = ("name", "user__username", "user__email")
    fields = readonly_fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False
