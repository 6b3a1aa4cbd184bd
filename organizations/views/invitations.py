"""Inviting people by e-mail, and accepting."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity
from accounts.permissions import access_to, caller
from config.api.pagination import KeysetPagination
from config.api.tables import TableFilter
from config.api.views import APIView
from organizations.cache import visible_invitations
from organizations.models import Invitation
from organizations.serializers.joining import (
    AcceptedSerializer,
    AcceptSerializer,
    InvitationSerializer,
    InviteSerializer,
)
from organizations.services.invitations import (
    accept_invitation,
    invite,
    resend_invitation,
    revoke_invitation,
)
from organizations.tables import INVITATIONS


class InvitationListView(APIView, ListAPIView[Invitation]):
    """The invitations that the caller may see."""

    permission_classes = (access_to(Entity.INVITATIONS),)
    serializer_class = InvitationSerializer
    pagination_class = KeysetPagination
    throttle_scopes = {"POST": "invite"}
    table = INVITATIONS
    filter_backends = (TableFilter,)
    ordering_columns = INVITATIONS.ordering_columns
    ordering = "-created_at"

    def get_queryset(self) -> QuerySet[Invitation]:
        """Return what the caller may see, with what a row shows."""
        return visible_invitations(caller(self.request)).select_related(
            "role", "branch", "invited_by"
        )

    @extend_schema(
        operation_id="invitation_create",
        summary="Invite someone",
        request=InviteSerializer,
        responses={201: InvitationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Invite an e-mail address; the mail goes out after the answer is settled."""
        wanted = InviteSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        made = invite(
            editor=caller(request),
            email=given["email"],
            role_id=given["role"],
            branch_id=given.get("branch"),
        )
        return Response(InvitationSerializer(made).data, status=201)


class ResendView(APIView):
    """Mailing an invitation again."""

    permission_classes = (access_to(Entity.INVITATIONS),)
    throttle_scopes = {"POST": "invite"}

    @extend_schema(
        operation_id="invitation_resend",
        summary="Mail an invitation again",
        request=None,
        responses=InvitationSerializer,
    )
    def post(self, request: Request, invitation_id: int) -> Response:
        """Mail a new token, which replaces the old one."""
        done = resend_invitation(editor=caller(request), invitation_id=invitation_id)
        return Response(InvitationSerializer(done).data)


class RevokeView(APIView):
    """Taking an invitation back."""

    permission_classes = (access_to(Entity.INVITATIONS),)

    @extend_schema(
        operation_id="invitation_revoke",
        summary="Take an invitation back",
        request=None,
        responses=InvitationSerializer,
    )
    def post(self, request: Request, invitation_id: int) -> Response:
        """Make an invitation worthless; again changes nothing."""
        done = revoke_invitation(editor=caller(request), invitation_id=invitation_id)
        return Response(InvitationSerializer(done).data)


class AcceptView(APIView):
    """Joining by an invitation."""

    repeats_in_any_role = True

    @extend_schema(
        operation_id="invitation_accept",
        summary="Accept an invitation",
        request=AcceptSerializer,
        responses=AcceptedSerializer,
    )
    def post(self, request: Request) -> Response:
        """Join with the token of the mail; again returns the same."""
        wanted = AcceptSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        done = accept_invitation(person=caller(request), token=wanted.validated_data["token"])
        return Response(AcceptedSerializer(done).data)
