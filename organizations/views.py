"""The session context, the active organisation and its branches."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity
from accounts.permissions import access_to, caller
from accounts.serializers import PersonSerializer
from config.api.pagination import KeysetPagination
from config.api.views import APIView
from organizations.cache import active_branch, organization_card, visible_branches
from organizations.models import Branch
from organizations.serializers import BranchSerializer, MeSerializer, OrganizationSerializer


class MeView(APIView):
    """Who calls, what they may do, and where they are."""

    @extend_schema(operation_id="me", responses=MeSerializer, summary="The session context")
    def get(self, request: Request) -> Response:
        """Return the caller's context."""
        person = caller(request)
        role = person.active_role
        organization = organization_card(role.organization_id) if role else None
        branch = active_branch(person) if organization else None
        return Response(
            {
                **PersonSerializer(person).data,
                "active_organization": OrganizationSerializer(organization).data
                if organization
                else None,
                "active_branch": BranchSerializer(branch).data if branch else None,
            }
        )


class CurrentOrganizationView(APIView):
    """The organisation that the active role selects."""

    permission_classes = (access_to(Entity.ORGANIZATION),)

    @extend_schema(
        operation_id="current_organization",
        responses=OrganizationSerializer,
        summary="The active organisation",
    )
    def get(self, request: Request) -> Response:
        """Return the card of the active organisation."""
        card = organization_card(caller(request).acting_role.organization_id)
        if card is None:
            raise Http404
        return Response(OrganizationSerializer(card).data)


class BranchListView(APIView, ListAPIView[Branch]):
    """The branches of the active organisation that the caller may see."""

    permission_classes = (access_to(Entity.BRANCHES),)
    serializer_class = BranchSerializer
    pagination_class = KeysetPagination
    ordering_columns: dict[str, Any] = {"name": "name", "id": "id"}
    ordering = "name"

    def get_queryset(self) -> QuerySet[Branch]:
        """Return what the caller may see."""
        return visible_branches(caller(self.request))
