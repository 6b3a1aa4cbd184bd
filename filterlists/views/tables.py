"""What tables there are, and how the caller looks at one."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity
from accounts.permissions import access_to, caller
from accounts.services import lock_person
from config.api.reads import Known, Reads
from config.api.serializers import shown
from config.api.tables import Table, all_tables
from config.api.views import APIView
from filterlists.cache import described_tables, filters_reads, look_of
from filterlists.serializers import TableSerializer, TableSettingsSerializer
from filterlists.services import save_table_settings


class TablesView(APIView):
    """The tables, for programs that build a filter's form."""

    permission_classes = (access_to(Entity.FILTER_LISTS),)

    @extend_schema(
        operation_id="filter_tables",
        summary="What can be filtered, and how",
        responses=TableSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Return the tables and columns that the caller's role may filter."""
        return Response(TableSerializer(described_tables(caller(request)), many=True).data)


class TableSettingsView(APIView):
    """How the caller looks at one table."""

    permission_classes = (access_to(Entity.FILTER_LISTS),)

    def reads(self, known: Known) -> Reads:
        """Return where what is stored about the table is."""
        return filters_reads(known, self.kwargs["table"])

    def lock(self, request: Request, table: str) -> None:
        """Lock the person."""
        lock_person(caller(request).id)

    @extend_schema(
        operation_id="table_settings",
        summary="My look of a table",
        responses=TableSettingsSerializer,
    )
    def get(self, request: Request, table: str) -> Response:
        """Return the settings; the defaults where nothing is stored."""
        look = look_of(caller(request), _table(table))
        return Response(shown(TableSettingsSerializer, look))

    @extend_schema(
        operation_id="table_settings_update",
        summary="Store my look of a table",
        request=TableSettingsSerializer,
        responses=TableSettingsSerializer,
    )
    def put(self, request: Request, table: str) -> Response:
        """Store the settings, all of them."""
        known = _table(table)
        wanted = TableSettingsSerializer(data=request.data, context={"table": known})
        wanted.is_valid(raise_exception=True)
        look: dict[str, Any] = wanted.validated_data
        save_table_settings(person=caller(request), table=known, look=look)
        return Response(TableSettingsSerializer(look).data)


def _table(name: str) -> Table:
    table = all_tables().get(name)
    if table is None:
        raise Http404
    return table
