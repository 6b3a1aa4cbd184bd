"""Who asked to join and who is invited; answered by the organisations' admins, not here."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from organizations.models import Invitation, JoinRequest


class LookOnly(admin.ModelAdmin[Model]):
    """Shows, and changes nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(JoinRequest)
class JoinRequestAdmin(LookOnly):
    list_display = ("requester", "organization", "status", "created_at", "processed_by")
    list_filter = ("status", "organization")
    list_select_related = ("requester", "organization", "processed_by")
    search_fields = ("requester__username", "requester__email", "organization__display_name")
    fields = (*list_display, "processed_at", "message", "response", "role", "branch")


@admin.register(Invitation)
class InvitationAdmin(LookOnly):
    list_display = (
        "email",
        "organization",
        "role",
        "invited_by",
        "expires_at",
        "accepted_at",
        "revoked_at",
        "mailed_at",
        "mail_error",
    )
    list_filter = ("organization",)
    list_select_related = ("organization", "role", "invited_by")
    search_fields = ("email", "organization__display_name")
    fields = (*list_display, "branch", "accepted_by", "created_at")
