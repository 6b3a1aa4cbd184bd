"""The records as a file, complete before its first byte is sent."""

import logging
import weakref
from contextlib import ExitStack
from threading import BoundedSemaphore
from typing import IO, Any, Final

from django.conf import settings
from django.http import FileResponse, Http404
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
from config.errors import DomainError
from organizations.cache import organization_card
from worktime.cache import visible_worktimes
from worktime.exports import MOST_RECORDS, Export, spool
from worktime.tables import WORKTIME
from worktime.views.stats import PERIOD_PARAMETERS, period_asked_for

logger = logging.getLogger(__name__)

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES: Final = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX}
ROW_COUNT: Final = "X-Row-Count"
STATEMENT_TIMEOUT: Final = 30.0  # a sheet full of records takes longer than other reads may
FILTER_PARAMETERS: Final = [
    OpenApiParameter(name, str, description="As of `/api/worktime/`.")
    for name in ("filter", "conditions")
]


ROW_COUNT_HEADER: Final = OpenApiParameter(
    ROW_COUNT,
    int,
    OpenApiParameter.HEADER,
    response=[200],
    description="How many records the file has; with Content-Length, how to know it is whole.",
)


def places() -> int:
    """Return how many exports a process may make at once.

    Each has a thread until its reader has taken all of it, and a connection while it reads: three
    quarters of the threads and half of what reads may use are left to others.
    """
    limits = settings.DB_LIMITS
    reads: int = limits["pools"] * limits["pool_size"] - limits["write_reserve"]
    return max(1, min(settings.WEB_THREADS // 4, reads // 2))


PLACES: Final = BoundedSemaphore(places())


class ExportsBusy(DomainError):
    status = 503
    code = "exports_busy"
    detail = "As many exports are being made as may be at once; nothing else is wrong."
    retry_after = 3.0


class StorageUnavailable(DomainError):
    status = 503
    code = "storage_unavailable"
    detail = "There is no room for the file at the moment."
    retry_after = 30.0


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
        parameters=[
            ExportQuerySerializer,
            *PERIOD_PARAMETERS,
            *FILTER_PARAMETERS,
            ROW_COUNT_HEADER,
        ],
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
        if not PLACES.acquire(blocking=False):
            raise ExportsBusy
        with ExitStack() as place:
            place.callback(PLACES.release)
            file = place.enter_context(spool())
            write(export, given["format"], file)
            answer = Answer(
                file, as_attachment=True, filename=name, content_type=TYPES[given["format"]]
            )
            answer.keep(place.pop_all())
        answer[ROW_COUNT] = str(export.rows)
        answer["Cache-Control"] = "no-store"
        return answer


class Answer(FileResponse):
    """A file that keeps its place among the exports until it is sent, or its reader gone."""

    block_size = 65_536

    def keep(self, place: ExitStack) -> None:
        """Leave the place when this is closed, or forgotten without that."""
        self._leave = weakref.finalize(self, place.close)

    def close(self) -> None:
        super().close()
        self._leave()


def write(export: Export, kind: str, file: IO[bytes]) -> None:
    """Read the records and write them to a file, whole."""
    try:
        with export:
            export.read(most=MOST_RECORDS, statement_timeout=STATEMENT_TIMEOUT)
            (export.write_csv if kind == "csv" else export.write_xlsx)(file)
        file.seek(0)
    except OSError as error:
        logger.exception("An export's temporary file could not be written.")
        raise StorageUnavailable from error
