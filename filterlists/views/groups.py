"""Groups of lists."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity
from accounts.permissions import access_to, caller
from config.api.reads import Known, Reads
from config.api.serializers import all_shown
from config.api.views import APIView
from filterlists.cache import card_of_group, filters_reads, groups_of
from filterlists.serializers import (
    FilterGroupChangeSerializer,
    FilterGroupCreateSerializer,
    FilterGroupSerializer,
    FilterTableSerializer,
)
from filterlists.services import create_group, delete_group, rename_group
from filterlists.views.lists import asked_table


class FilterGroupsView(APIView):
    """The groups of a table."""

    permission_classes = (access_to(Entity.FILTER_LISTS),)

    def reads(self, known: Known) -> Reads:
        """Return where what is stored about the table is."""
        return filters_reads(known, self.request.query_params.get("table"))

    @extend_schema(
        operation_id="filter_groups",
        summary="The groups of a table",
        parameters=[FilterTableSerializer],
        responses=FilterGroupSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Return the computed groups that the caller may look into, and their own."""
        wanted = FilterTableSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        groups = groups_of(caller(request), asked_table(wanted))
        return Response(all_shown(FilterGroupSerializer, groups))

    @extend_schema(
        operation_id="filter_group_create",
        summary="Make a group",
        request=FilterGroupCreateSerializer,
        responses={201: FilterGroupSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a group of lists of a table."""
        wanted = FilterGroupCreateSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        group = create_group(
            person=caller(request), table=asked_table(wanted), name=wanted.validated_data["name"]
        )
        return Response(FilterGroupSerializer(card_of_group(group)).data, status=201)


class FilterGroupView(APIView):
    """One group of the caller's."""

    permission_classes = (access_to(Entity.FILTER_LISTS),)

    @extend_schema(
        operation_id="filter_group_update",
        summary="Rename a group",
        request=FilterGroupChangeSerializer,
        responses=FilterGroupSerializer,
    )
    def patch(self, request: Request, group_id: int) -> Response:
        """Rename a group; its lists stay in it."""
        wanted = FilterGroupChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        group = rename_group(
            person=caller(request), group_id=group_id, name=wanted.validated_data["name"]
        )
        return Response(FilterGroupSerializer(card_of_group(group)).data)

    @extend_schema(
        operation_id="filter_group_delete", summary="Delete a group", responses={204: None}
    )
    def delete(self, request: Request, group_id: int) -> Response:
        """Delete a group; its lists stay, without one."""
        delete_group(person=caller(request), group_id=group_id)
        return Response(status=204)
