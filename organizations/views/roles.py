"""The roles of the active organisation."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity, Role
from accounts.permissions import access_to, caller
from config.api.pagination import KeysetPagination
from config.api.tables import TableFilter
from config.api.views import APIView
from organizations.cache import visible_roles, with_grants
from organizations.serializers.roles import RoleChangeSerializer, RoleSerializer
from organizations.services.membership import lock_organization
from organizations.services.roles import create_role, delete_role, update_role
from organizations.tables import ROLES


class RoleListView(APIView, ListAPIView[Role]):
    """The roles of the active organisation that the caller may see."""

    permission_classes = (access_to(Entity.ROLES),)
    serializer_class = RoleSerializer
    pagination_class = KeysetPagination
    table = ROLES
    filter_backends = (TableFilter,)
    ordering_columns = ROLES.ordering_columns
    ordering = "name"

    def get_queryset(self) -> QuerySet[Role]:
        """Return what the caller may see."""
        return with_grants(visible_roles(caller(self.request)))

    @extend_schema(
        operation_id="role_create",
        summary="Add a role",
        request=RoleChangeSerializer,
        responses={201: RoleSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a role that may do no more than the caller's own."""
        wanted = RoleChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        role = create_role(editor=caller(request), fields=wanted.validated_data)
        return Response(RoleSerializer(role).data, status=201)


class RoleView(APIView):
    """One role, with its permissions."""

    permission_classes = (access_to(Entity.ROLES),)

    def lock(self, request: Request, role_id: int) -> None:
        """Lock the organisation, in which such changes queue."""
        lock_organization(caller(request).acting_role.organization_id)

    @extend_schema(operation_id="role", summary="A role", responses=RoleSerializer)
    def get(self, request: Request, role_id: int) -> Response:
        """Return a role that the caller may see."""
        role = get_object_or_404(with_grants(visible_roles(caller(request))), pk=role_id)
        return Response(RoleSerializer(role).data)

    @extend_schema(
        operation_id="role_update",
        summary="Change a role",
        request=RoleChangeSerializer(partial=True),
        responses=RoleSerializer,
    )
    def patch(self, request: Request, role_id: int) -> Response:
        """Change the fields and permissions that are given."""
        wanted = RoleChangeSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        role = update_role(editor=caller(request), role_id=role_id, changes=wanted.validated_data)
        return Response(RoleSerializer(role).data)

    @extend_schema(
        operation_id="role_delete", summary="Delete an unused role", responses={204: None}
    )
    def delete(self, request: Request, role_id: int) -> Response:
        """Delete a role that nobody holds."""
        delete_role(editor=caller(request), role_id=role_id)
        return Response(status=204)
