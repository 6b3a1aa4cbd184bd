"""A person's own record and how the browser app looks for them."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.cache import load_profile, load_settings
from accounts.permissions import caller
from accounts.serializers import ProfileSerializer, SettingsSerializer
from accounts.services import update_profile, update_settings
from config.api.views import APIView


class ProfileView(APIView):
    """The caller's own record."""

    @extend_schema(operation_id="profile", summary="My record", responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        """Return the caller's record."""
        return Response(ProfileSerializer(load_profile(caller(request).id)).data)

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


class SettingsView(APIView):
    """How the browser app looks for the caller."""

    @extend_schema(operation_id="settings", summary="My look", responses=SettingsSerializer)
    def get(self, request: Request) -> Response:
        """Return the caller's settings."""
        return Response(SettingsSerializer(load_settings(caller(request).id)).data)

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
