"""Everything that a page start needs, in one answer, from the same caches as the single routes.

The composition root of reads: with `config.urls` the only module of the platform that knows apps.
"""

from collections.abc import Callable
from typing import Any, Final

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.exceptions import exception_handler
from config.api.reads import Known, Reads
from config.api.schema import ProblemSerializer
from config.api.views import APIView
from filterlists.serializers import (
    FilterListCardSerializer,
    FilterTableSerializer,
    TableSettingsSerializer,
)
from filterlists.views.groups import FilterGroupsView
from filterlists.views.lists import FilterListsView
from filterlists.views.tables import TableSettingsView
from organizations.serializers.branches import BranchSerializer
from organizations.serializers.me import MeSerializer
from organizations.serializers.organizations import OrganizationSerializer
from organizations.views.branches import OwnBranchesView
from organizations.views.me import MeView
from organizations.views.organizations import CurrentOrganizationView
from worktime.serializers import ActiveSerializer, WorkTimeStatsSerializer
from worktime.views.clocking import ActiveView
from worktime.views.stats import StatsView

# Each part is what GET of its own route answers.
PARTS: Final[dict[str, type[Any]]] = {
    "me": MeView,
    "organization": CurrentOrganizationView,
    "branches": OwnBranchesView,
    "active": ActiveView,
    "stats": StatsView,
}
# These are of the table that is asked for.
TABLE_PARTS: Final[dict[str, type[Any]]] = {
    "filter_lists": FilterListsView,
    "filter_groups": FilterGroupsView,
    "table_settings": TableSettingsView,
}


class PageQuerySerializer(FilterTableSerializer):
    """Which table the page shows, if any."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; none is required."""
        fields = super().get_fields()
        fields["table"].required = False
        return fields


class RefusedSerializer(serializers.Serializer[object]):
    """A part that cannot be answered now, or not to the caller."""

    error = ProblemSerializer()


def part(name: str, answer: Any, **options: Any) -> Any:
    """Return the schema of a part: its route's answer, or why there is none."""
    return PolymorphicProxySerializer(
        component_name=f"Page{name}",
        serializers=[answer, RefusedSerializer],
        resource_type_field_name=None,
        **options,
    )


class FilterListsPartSerializer(serializers.Serializer[object]):
    """The lists of the table."""

    results = FilterListCardSerializer(many=True)


class BranchesPartSerializer(serializers.Serializer[object]):
    """Where the caller works."""

    results = BranchSerializer(many=True)


# By hand: a part of several schemas cannot have a list among them.
@extend_schema_field(
    {
        "oneOf": [
            {"type": "array", "items": {"$ref": "#/components/schemas/FilterGroup"}},
            {"$ref": "#/components/schemas/Refused"},
        ]
    }
)
class FilterGroupsPartField(serializers.JSONField):
    """The groups of the table."""


class PageSerializer(serializers.Serializer[object]):
    """What a page start needs; without `?table=` the last three are missing."""

    me = part("Me", MeSerializer)
    organization = part("Organization", OrganizationSerializer)
    branches = part("Branches", BranchesPartSerializer)
    active = part("Active", ActiveSerializer)
    stats = part("Stats", WorkTimeStatsSerializer)
    filter_lists = part("FilterLists", FilterListsPartSerializer, required=False)
    filter_groups = FilterGroupsPartField(required=False)
    table_settings = part("TableSettings", TableSettingsSerializer, required=False)


class PageView(APIView):
    """All at once."""

    def reads(self, known: Known) -> Reads:
        """Return where the parts look."""
        return [each for _, view, _ in self._parts() for each in view.reads(known)]

    @extend_schema(
        operation_id="page",
        summary="Everything that a page start needs",
        parameters=[PageQuerySerializer],
        responses=PageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the parts, each as its own route does; one that is refused is `{"error": …}`."""
        # A plain dict: in a form's data an empty text would count as none at all.
        PageQuerySerializer(data=request.query_params.dict()).is_valid(raise_exception=True)
        return Response({name: self._answer(view, get) for name, view, get in self._parts()})

    def _parts(self) -> list[tuple[str, APIView, Callable[[], Response]]]:
        table, parts = self.request.query_params.get("table"), PARTS
        if table is not None:
            parts = {**parts, **TABLE_PARTS}
        return [self._part(name, view_class(), table) for name, view_class in parts.items()]

    def _part(
        self, name: str, view: Any, table: str | None
    ) -> tuple[str, APIView, Callable[[], Response]]:
        view.request = self.request
        view.kwargs = {"table": table} if name == "table_settings" else {}
        view.format_kwarg = None
        return name, view, lambda: view.get(self.request, **view.kwargs)

    def _answer(self, view: APIView, get: Callable[[], Response]) -> Any:
        try:
            view.check_permissions(self.request)
            return get().data
        except Exception as error:
            refusal = exception_handler(error, {"request": self.request, "view": view})
            if refusal is None:
                raise
            return {"error": refusal.data}
