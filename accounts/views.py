"""A person's own record, how the browser app looks for them, and their tokens."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.cache import load_bank_details, people, profiles, visible_tokens
from accounts.models import ApiToken
from accounts.permissions import caller
from accounts.serializers import (
    BankDetailsSerializer,
    IssuedTokenSerializer,
    IssueTokenSerializer,
    ProfileSerializer,
    SettingsSerializer,
    TokenSerializer,
)
from accounts.services import (
    issue_token,
    lock_person,
    log_out_everywhere,
    revoke_token,
    update_profile,
    update_settings,
)
from config.api.pagination import KeysetPagination
from config.api.reads import Known, Reads
from config.api.serializers import shown
from config.api.views import APIView


class ProfileView(APIView):
    """The caller's own record, but for bank details."""

    def reads(self, known: Known) -> Reads:
        """Return where the record is."""
        return [(profiles, known.user_id)]

    def lock(self, request: Request) -> None:
        """Lock the person."""
        lock_person(caller(request).id)

    @extend_schema(operation_id="profile", summary="My record", responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        """Return the caller's record."""
        profile = profiles.get(caller(request).id)
        # It has all fields that the serializer shows.
        return Response(ProfileSerializer(profile).data)  # type: ignore[arg-type]

    @extend_schema(
        operation_id="profile_update",
        summary="Change my record",
        request=ProfileSerializer(partial=True),
        responses=ProfileSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Change the fields that are given."""
        wanted = ProfileSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        user = update_profile(user_id=caller(request).id, changes=wanted.validated_data)
        return Response(ProfileSerializer(user).data)


class BankDetailsView(APIView):
    """Where the caller's wages go: the one thing of theirs that no cache may hold."""

    def lock(self, request: Request) -> None:
        """Lock the person."""
        lock_person(caller(request).id)

    @extend_schema(
        operation_id="bank_details", summary="My bank details", responses=BankDetailsSerializer
    )
    def get(self, request: Request) -> Response:
        """Return the caller's bank details."""
        return Response(BankDetailsSerializer(load_bank_details(caller(request).id)).data)

    @extend_schema(
        operation_id="bank_details_update",
        summary="Change my bank details",
        request=BankDetailsSerializer,
        responses=BankDetailsSerializer,
    )
    def put(self, request: Request) -> Response:
        """Replace the caller's bank details; an empty text removes them."""
        wanted = BankDetailsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = update_profile(user_id=caller(request).id, changes=wanted.validated_data)
        return Response(BankDetailsSerializer(user).data)


class SettingsView(APIView):
    """How the browser app looks for the caller."""

    def lock(self, request: Request) -> None:
        """Lock the person."""
        lock_person(caller(request).id)

    @extend_schema(operation_id="settings", summary="My look", responses=SettingsSerializer)
    def get(self, request: Request) -> Response:
        """Return the caller's settings."""
        settings = people.get(caller(request).acting).person.settings
        return Response(shown(SettingsSerializer, settings))

    @extend_schema(
        operation_id="settings_update",
        summary="Change my look",
        request=SettingsSerializer(partial=True),
        responses=SettingsSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Change the settings that are given."""
        wanted = SettingsSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        settings = update_settings(user_id=caller(request).id, changes=wanted.validated_data)
        return Response(SettingsSerializer(settings).data)


class SessionsView(APIView):
    """The caller's sessions, on all devices."""

    # Whose tokens are to end as well revokes them.
    session_only = True

    @extend_schema(operation_id="log_out", summary="Log out everywhere", responses={204: None})
    def delete(self, request: Request) -> Response:
        """End all of the caller's sessions, this one too."""
        log_out_everywhere(user_id=caller(request).id)
        return Response(status=204)


class TokenListView(APIView, ListAPIView[ApiToken]):
    """The caller's tokens; a token cannot make others."""

    session_only = True
    # The answer is a secret.
    accepts_idempotency_key = False
    serializer_class = TokenSerializer
    pagination_class = KeysetPagination
    ordering_columns: dict[str, Any] = {"created_at": "created_at", "name": "name", "id": "id"}
    ordering = "-created_at"

    def get_queryset(self) -> QuerySet[ApiToken]:
        """Return the caller's tokens."""
        return visible_tokens(caller(self.request))

    @extend_schema(
        operation_id="token_create",
        summary="Make a token",
        request=IssueTokenSerializer,
        responses={201: IssuedTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a token; its secret is in this answer only."""
        wanted = IssueTokenSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        person = caller(request)
        token, secret = issue_token(
            user_id=person.id,
            name=given["name"],
            scopes=given["scopes"],
            role_id=given.get("role") or person.acting_role.id,
            expires_at=given.get("expires_at"),
        )
        return Response({**TokenSerializer(token).data, "token": secret}, status=201)


class TokenView(APIView):
    """One of the caller's tokens."""

    session_only = True

    @extend_schema(operation_id="token_revoke", summary="Revoke a token", responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Make a token worthless."""
        revoke_token(user_id=caller(request).id, token_id=token_id)
        return Response(status=204)
