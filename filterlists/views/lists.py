"""Saved lists: what a menu shows, and each by itself."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.cache import Person
from accounts.models import Entity
from accounts.permissions import access_to, caller
from accounts.services import lock_person
from config.api.pagination import KeysetPagination
from config.api.reads import Known, Reads
from config.api.serializers import all_shown
from config.api.tables import InvalidFilter, Table, all_tables, parse_filter
from config.api.views import APIView
from config.errors import InvalidField
from filterlists.cache import (
    PEOPLE,
    ListCard,
    asker_of,
    filters_reads,
    lists_of,
    people_with_names,
    roles_with_names,
    usable_lists,
)
from filterlists.models import FilterList
from filterlists.serializers import (
    FilterListCardSerializer,
    FilterListChangeSerializer,
    FilterListCreateSerializer,
    FilterListQuerySerializer,
    FilterListSerializer,
    ReorderSerializer,
)
from filterlists.services import (
    create_list,
    delete_list,
    reorder_groups,
    reorder_lists,
    update_list,
)


def asked_table(serializer: Any) -> Table:
    """Return the table that valid input names."""
    return all_tables()[serializer.validated_data["table"]]


def _detail(person: Person, row: FilterList) -> dict[str, Any]:
    problems = []
    try:
        parse_filter(all_tables()[row.table], row.conditions, row.operators, asker_of(person))
    except InvalidFilter as refusal:
        problems = refusal.extra["errors"]
    values = {
        "key": str(row.id),
        "group": row.group_id if row.user_id == person.id else None,
        "is_own": row.user_id == person.id,
        "problems": problems,
    }
    names = ("id", "name", "table", "conditions", "operators", "position", "is_shared")
    values |= {name: getattr(row, name) for name in names}
    return FilterListSerializer(values).data


class FilterListsView(APIView, GenericAPIView[Any]):
    """The lists of a table."""

    permission_classes = (access_to(Entity.FILTER_LISTS),)
    pagination_class = KeysetPagination
    serializer_class = FilterListCardSerializer
    ordering_columns = {"name": "list_name"}
    ordering = "name"

    def reads(self, known: Known) -> Reads:
        """Return where what is stored about the table is."""
        return filters_reads(known, self.request.query_params.get("table"))

    @extend_schema(
        operation_id="filter_lists",
        summary="The lists of a table",
        parameters=[FilterListQuerySerializer],
        responses=FilterListCardSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Return standard lists, one's own and those shared; or a page of a computed group.

        The first kind comes whole: `next` is null.
        """
        wanted = FilterListQuerySerializer(data=request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        person, table = caller(request), asked_table(wanted)
        if group := wanted.validated_data.get("group"):
            return self._computed(person, table, group)
        cards = all_shown(FilterListCardSerializer, lists_of(person, table))
        return Response({"results": cards, "next": None, "previous": None})

    @extend_schema(
        operation_id="filter_list_create",
        summary="Save a filter",
        request=FilterListCreateSerializer,
        responses={201: FilterListSerializer},
    )
    def post(self, request: Request) -> Response:
        """Save a filter of a table."""
        wanted = FilterListCreateSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = {key: value for key, value in wanted.validated_data.items() if key != "table"}
        person = caller(request)
        row = create_list(person=person, table=asked_table(wanted), fields=fields)
        return Response(_detail(person, row), status=201)

    def _computed(self, person: Person, table: Table, group: str) -> Response:
        is_people = group == PEOPLE
        if not (table.people if is_people else table.roles):
            raise InvalidField("group", "does_not_exist", "This table has no such group.")
        rows: QuerySet[Any] = people_with_names(person) if is_people else roles_with_names(person)
        kind = "person" if is_people else "role"
        page = self.paginate_queryset(rows) or []
        cards = [ListCard(f"{kind}:{row.pk}", row.list_name, table.name) for row in page]
        return self.get_paginated_response(FilterListCardSerializer(cards, many=True).data)


class FilterListView(APIView):
    """One stored list."""

    permission_classes = (access_to(Entity.FILTER_LISTS),)

    def lock(self, request: Request, list_id: int) -> None:
        """Lock the person, in the order of the services, and the list."""
        lock_person(caller(request).id)
        FilterList.objects.select_for_update(no_key=True).filter(pk=list_id).first()

    @extend_schema(
        operation_id="filter_list", summary="A stored list", responses=FilterListSerializer
    )
    def get(self, request: Request, list_id: int) -> Response:
        """Return a list of one's own or one that is shared, with what it says."""
        person = caller(request)
        row = usable_lists(person).filter(pk=list_id, table__in=all_tables()).first()
        if row is None:
            raise Http404
        return Response(_detail(person, row))

    @extend_schema(
        operation_id="filter_list_update",
        summary="Rename, change, move or share a list",
        request=FilterListChangeSerializer(partial=True),
        responses=FilterListSerializer,
    )
    def patch(self, request: Request, list_id: int) -> Response:
        """Change what is given."""
        wanted = FilterListChangeSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        person = caller(request)
        row = update_list(person=person, list_id=list_id, changes=wanted.validated_data)
        return Response(_detail(person, row))

    @extend_schema(
        operation_id="filter_list_delete", summary="Delete a list", responses={204: None}
    )
    def delete(self, request: Request, list_id: int) -> Response:
        """Delete a list."""
        delete_list(person=caller(request), list_id=list_id)
        return Response(status=204)


class ReorderView(APIView):
    """The order of one's lists and groups."""

    permission_classes = (access_to(Entity.FILTER_LISTS),)

    @extend_schema(
        operation_id="filter_lists_reorder",
        summary="Put lists or groups in order",
        request=ReorderSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """Put all groups of a table, or all lists of one group, in the order given."""
        wanted = ReorderSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        person, table, given = caller(request), asked_table(wanted), wanted.validated_data
        if "groups" in given:
            reorder_groups(person=person, table=table, ids=given["groups"])
        else:
            reorder_lists(
                person=person, table=table, group_id=given.get("group"), ids=given["lists"]
            )
        return Response(status=204)
