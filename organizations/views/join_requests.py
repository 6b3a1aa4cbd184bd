"""Asking to join an organisation, and answering."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import caller
from config.api.pagination import KeysetPagination
from config.api.tables import TableFilter
from config.api.views import APIView
from organizations.cache import visible_join_requests
from organizations.models import JoinRequest
from organizations.serializers.joining import (
    ApprovalSerializer,
    JoinRequestSerializer,
    RejectionSerializer,
    RequestToJoinSerializer,
)
from organizations.services.join_requests import (
    approve_join_request,
    reject_join_request,
    request_to_join,
    withdraw_join_request,
)
from organizations.tables import JOIN_REQUESTS


class JoinRequestListView(APIView, ListAPIView[JoinRequest]):
    """One's own requests, and those to the active organisation for who may see them."""

    serializer_class = JoinRequestSerializer
    pagination_class = KeysetPagination
    throttle_scopes = {"POST": "apply"}
    table = JOIN_REQUESTS
    filter_backends = (TableFilter,)
    ordering_columns = JOIN_REQUESTS.ordering_columns
    ordering = "-created_at"

    def get_queryset(self) -> QuerySet[JoinRequest]:
        """Return what the caller may see, with what a row shows."""
        return visible_join_requests(caller(self.request)).select_related(
            "organization", "requester", "processed_by", "role", "branch"
        )

    @extend_schema(
        operation_id="join_request_create",
        summary="Ask to join",
        request=RequestToJoinSerializer,
        responses={201: JoinRequestSerializer},
    )
    def post(self, request: Request) -> Response:
        """Ask to join an organisation."""
        wanted = RequestToJoinSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        made = request_to_join(
            person=caller(request),
            organization_id=wanted.validated_data["organization"],
            message=wanted.validated_data["message"],
        )
        return Response(JoinRequestSerializer(made).data, status=201)


class ApproveView(APIView):
    """Letting someone join."""

    @extend_schema(
        operation_id="join_request_approve",
        summary="Let someone join",
        request=ApprovalSerializer,
        responses=JoinRequestSerializer,
    )
    def post(self, request: Request, request_id: int) -> Response:
        """Approve with a role and a branch."""
        wanted = ApprovalSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        done = approve_join_request(
            editor=caller(request),
            request_id=request_id,
            role_id=given["role"],
            branch_id=given.get("branch"),
            response=given["response"],
        )
        return Response(JoinRequestSerializer(done).data)


class RejectView(APIView):
    """Refusing someone."""

    @extend_schema(
        operation_id="join_request_reject",
        summary="Refuse someone",
        request=RejectionSerializer,
        responses=JoinRequestSerializer,
    )
    def post(self, request: Request, request_id: int) -> Response:
        """Reject; the requester may ask again."""
        wanted = RejectionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        done = reject_join_request(
            editor=caller(request),
            request_id=request_id,
            response=wanted.validated_data["response"],
        )
        return Response(JoinRequestSerializer(done).data)


class WithdrawView(APIView):
    """Taking one's own request back."""

    @extend_schema(
        operation_id="join_request_withdraw",
        summary="Take a request back",
        request=None,
        responses=JoinRequestSerializer,
    )
    def post(self, request: Request, request_id: int) -> Response:
        """Withdraw the caller's request."""
        done = withdraw_join_request(person=caller(request), request_id=request_id)
        return Response(JoinRequestSerializer(done).data)
