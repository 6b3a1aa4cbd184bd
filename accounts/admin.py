"""The platform operators' view of how people get in: whose it is and since when, never the secret.

allauth's own forms would show session keys and change addresses behind the person's record. Groups
decide nothing here; roles do.
"""

from allauth.account.admin import EmailAddressAdmin as StockEmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa import admin as _mfa  # noqa: F401
from allauth.mfa.models import Authenticator
from allauth.usersessions import admin as _usersessions  # noqa: F401
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth import admin as _auth  # noqa: F401
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import ApiToken
from config.admin import DeleteOnly, LookOnly, WriteAdmin

# They are registered by the imports above.
admin.site.unregister([EmailAddress, Authenticator, UserSession, Group])


@admin.register(ApiToken)
class ApiTokenAdmin(WriteAdmin, DeleteOnly, admin.ModelAdmin[ApiToken]):
    list_display = ("name", "user", "role_assignment", "scopes", "created_at", "expiry")
    list_select_related = ("user", "role_assignment")
    search_fields = ("name", "user__username", "user__email")
    fields = list_display


@admin.register(EmailAddress)
class EmailAddressAdmin(WriteAdmin, LookOnly, StockEmailAddressAdmin):  # type: ignore[misc]
    """An address changes in its person's form; here it can be taken as verified."""

    list_select_related = ("user",)
    fields = ("email", "user", "primary", "verified")


@admin.register(Authenticator)
class AuthenticatorAdmin(WriteAdmin, DeleteOnly, admin.ModelAdmin[Authenticator]):
    """Second factors; deleting helps who has lost a phone and the recovery codes."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email")
    fields = list_display


@admin.register(UserSession)
class UserSessionAdmin(WriteAdmin, DeleteOnly, admin.ModelAdmin[UserSession]):
    """Who is signed in where; deleting ends it."""

    list_display = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email", "ip")
    fields = list_display

    def delete_model(self, request: HttpRequest, obj: UserSession) -> None:
        obj.end()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        for session in queryset:
            session.end()
