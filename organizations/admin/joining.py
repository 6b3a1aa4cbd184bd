"""Who asked to join and who is invited; answered by the organisations' admins, not here."""

from django.contrib import admin

from config.admin import LookOnly
from organizations.models import Invitation, JoinRequest


@admin.register(JoinRequest)
class JoinRequestAdmin(LookOnly, admin.ModelAdmin[JoinRequest]):
    list_display = ("requester", "organization", "status", "created_at", "processed_by")
    list_filter = ("status", "organization")
    list_select_related = ("requester", "organization", "processed_by")
    search_fields = ("requester__username", "requester__email", "organization__display_name")
    fields = (*list_display, "processed_at", "message", "response", "role", "branch")


@admin.register(Invitation)
class InvitationAdmin(LookOnly, admin.ModelAdmin[Invitation]):
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
