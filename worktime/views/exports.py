"""The records as a file."""

import tempfile
from contextlib import ExitStack
from typing import Any, Final

from django.http import FileResponse, Http404
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
from worktime.exports import Export, place
from worktime.tables import WORKTIME
from worktime.views.stats import PERIOD_PARAMETERS, period_asked_for

TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS: Final = "X-Row-Count"
IN_MEMORY: Final = 1024 * 1024  # bytes of a file that need no disk
FILTER_PARAMETERS: Final = [
    OpenApiParameter(name, str, description="As of `/api/worktime/`.")
    for name in ("filter", "conditions")
]


class ExportQuerySerializer(serializers.Serializer[object]):
    """Which file of which records."""

    user = IdField(required=False, help_text="Default: all that the caller may see.")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; one of them has a name that serializers use themselves."""
        return {"format": serializers.ChoiceField([*TYPES]), **super().get_fields()}


class ExportView(APIView):
    """The records that the caller may see, oldest first, as a file."""

    permission_classes = (access_to(Entity.WORKTIME),)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Answer whatever is accepted: the format is asked for by its name."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="worktime_export",
        summary="The records as CSV or XLSX",
        parameters=[
            ExportQuerySerializer,
            *PERIOD_PARAMETERS,
            *FILTER_PARAMETERS,
            OpenApiParameter(
                ROWS, int, OpenApiParameter.HEADER, response=[200], description="Records in it."
            ),
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, TYPES["xlsx"]): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request) -> FileResponse:
        """Return the file, of one moment; `counted_seconds` is what a record counts in the period.

        It is made before the first byte is sent, so it is whole or refused.
        """
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
        with place(), ExitStack() as on_failure:
            file = on_failure.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))
            export.write(given["format"], file)
            size = file.tell()
            file.seek(0)
            on_failure.pop_all()  # the response closes it
        name = f"worktime-{period.name if period else 'all'}.{given['format']}"
        response = FileResponse(
            file, as_attachment=True, filename=name, content_type=TYPES[given["format"]]
        )
        response["Content-Length"] = str(size)
        response[ROWS] = str(export.rows)
        return response
