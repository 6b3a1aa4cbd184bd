"""Founding and finding organisations; the active one, its settings and numbers."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity, User
from accounts.permissions import access_to, caller
from config.api.reads import Known, Reads
from config.api.serializers import shown
from config.api.views import APIView
from organizations.cache import (
    card_reads,
    found_organizations,
    organization_card,
    organization_settings,
    organization_stats,
)
from organizations.serializers.organizations import (
    FoundingSerializer,
    FoundListSerializer,
    FoundSerializer,
    OrganizationChangeSerializer,
    OrganizationSerializer,
    OrganizationSettingsSerializer,
    SearchSerializer,
    StatsSerializer,
)
from organizations.services.founding import found_organization
from organizations.services.membership import lock_organization
from organizations.services.organizations import update_organization, update_settings


class OrganizationListView(APIView):
    """New organisations."""

    throttle_scopes = {"POST": "found"}
    repeats_in_any_role = True

    @extend_schema(
        operation_id="organization_found",
        summary="Found an organisation",
        request=FoundingSerializer,
        responses={201: OrganizationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Found an organisation; the caller becomes its Admin, in a browser the active one."""
        wanted = FoundingSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        person = caller(request)
        organization = found_organization(
            founder=User.objects.get(pk=person.id),
            # A program does not move its owner's browser.
            activate=person.token_role_id is None,
            **{"time_zone": person.time_zone, **wanted.validated_data},
        )
        return Response(OrganizationSerializer(organization).data, status=201)


class OrganizationSearchView(APIView):
    """Organisations that one may apply to."""

    throttle_scopes = {"GET": "search", "HEAD": "search"}

    @extend_schema(
        operation_id="organization_search",
        summary="Find an organisation to apply to",
        parameters=[OpenApiParameter("q", str, required=True, description="3 characters or more.")],
        responses=FoundListSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return at most 20 active organisations by display name."""
        wanted = SearchSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        found = found_organizations(wanted.validated_data["q"])
        return Response({"results": FoundSerializer(found, many=True).data})


class CurrentOrganizationView(APIView):
    """The organisation that the active role selects."""

    permission_classes = (access_to(Entity.ORGANIZATION),)

    def reads(self, known: Known) -> Reads:
        """Return where the card is."""
        return card_reads(known)

    def lock(self, request: Request) -> None:
        """Lock the organisation."""
        lock_organization(caller(request).acting_role.organization_id)

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
        return Response(shown(OrganizationSerializer, card))

    @extend_schema(
        operation_id="current_organization_update",
        summary="Change the active organisation",
        request=OrganizationChangeSerializer(partial=True),
        responses=OrganizationSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Change the fields that are given."""
        wanted = OrganizationChangeSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        organization = update_organization(editor=caller(request), changes=wanted.validated_data)
        return Response(OrganizationSerializer(organization).data)


class CurrentSettingsView(APIView):
    """The settings of the active organisation, the only route that reads them."""

    permission_classes = (access_to(Entity.ORGANIZATION_SETTINGS),)

    def lock(self, request: Request) -> None:
        """Lock the organisation."""
        lock_organization(caller(request).acting_role.organization_id)

    @extend_schema(
        operation_id="current_settings",
        summary="The active organisation's settings",
        responses=OrganizationSettingsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return all settings, with the defaults of what is not set."""
        return Response(organization_settings(caller(request).acting_role.organization_id))

    @extend_schema(
        operation_id="current_settings_update",
        summary="Change settings",
        request=OrganizationSettingsSerializer(partial=True),
        responses=OrganizationSettingsSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Set the keys that are given, remove those given as null."""
        wanted = OrganizationSettingsSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        return Response(update_settings(editor=caller(request), changes=wanted.validated_data))


class CurrentStatsView(APIView):
    """The active organisation in numbers."""

    permission_classes = (access_to(Entity.ORGANIZATION),)

    @extend_schema(
        operation_id="current_stats",
        summary="The active organisation in numbers",
        responses=StatsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Count people, roles and branches."""
        stats = organization_stats(caller(request).acting_role.organization_id)
        return Response(StatsSerializer(stats).data)
