"""The records as a file."""

import tempfile
from typing import Any, Final

from django.http import FileResponse, Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Entity
from accounts.permissions import access_to, caller
from config.api.fields import IdField
from config.api.tables import narrow
from config.api.views import APIView
from config.db import clock
from organizations.cache import organization_card
from worktime.cache import visible_worktimes
from worktime.exports import Export
from worktime.tables import WORKTIME
from worktime.views.stats import PERIOD_PARAMETERS, period_asked_for

CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILTER_PARAMETERS: Final = [
    OpenApiParameter(name, str, description="As of `/api/worktime/`.")
    for name in ("filter", "conditions")
]


class ExportQuerySerializer(serializers.Serializer[object]):
    """Which file of which records."""

    user = IdField(required=False, help_text="Default: all that the caller may see.")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; one of them has a name that serializers use themselves."""
        return {"format": serializers.ChoiceField(["csv", "xlsx"]), **super().get_fields()}


class ExportView(APIView):
    """The records that the caller may see, oldest first, as a file."""

    permission_classes = (access_to(Entity.WORKTIME),)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Answer whatever is accepted: the format is asked for by its name."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="worktime_export",
        summary="The records as CSV or XLSX",
        parameters=[ExportQuerySerializer, *PERIOD_PARAMETERS, *FILTER_PARAMETERS],
        responses={(200, "text/csv"): OpenApiTypes.BINARY, (200, XLSX): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Return the file; `counted_seconds` is what a record counts in the period."""
        wanted = ExportQuerySerializer(data=request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        period = period_asked_for(request)
        person = caller(request)
        organization = organization_card(person.acting_role.organization_id)
        if organization is None:
            raise Http404
        records = narrow(visible_worktimes(person), request, WORKTIME)
        if "user" in given:
            records = records.filter(user_id=given["user"])
        export = Export(
            records=records,
            organization=organization.display_name,
            rule=organization.day_rule,
            zone=person.time_zone,
            now=clock.now(),
            period=period,
        )
        name = f"worktime-{period.name if period else 'all'}.{given['format']}"
        if given["format"] == "csv":
            # Read while it is sent: the first line at once, the rest as the client takes it.
            response = StreamingHttpResponse(export.csv(), content_type=CSV)
            response["Content-Disposition"] = f'attachment; filename="{name}"'
            return response
        file = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
        export.write_xlsx(file)
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)
