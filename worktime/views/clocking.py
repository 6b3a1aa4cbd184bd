"""Clocking in and out."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.cache import Person
from accounts.models import Entity, Scope
from accounts.permissions import access_to, caller
from config.api.reads import Known, Reads
from config.api.serializers import shown
from config.api.views import APIView
from worktime.cache import active_worktimes
from worktime.serializers import (
    ActiveSerializer,
    StartSerializer,
    StoppedSerializer,
    WorkTimeSerializer,
)
from worktime.services.clocking import start_worktime, stop_worktime
from worktime.views.collisions import collisions_shown


class StartView(APIView):
    """Clock in."""

    token_scope = Scope.CLOCK
    permission_classes = (access_to(Entity.WORKTIME),)

    @extend_schema(
        operation_id="worktime_start",
        summary="Clock in",
        request=StartSerializer,
        responses={201: WorkTimeSerializer},
    )
    def post(self, request: Request) -> Response:
        """Start a record for the caller."""
        wanted = StartSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        person = caller(request)
        with collisions_shown(person):
            record = start_worktime(
                person=person,
                branch_id=given.get("branch"),
                started_at=given.get("started_at"),
                notes=given.get("notes", ""),
            )
        return Response(WorkTimeSerializer(record).data, status=201)


class StopView(APIView):
    """Clock out; it is about the person, whatever the active role, and a token's organisation."""

    token_scope = Scope.CLOCK

    @extend_schema(
        operation_id="worktime_stop", summary="Clock out", request=None, responses=StoppedSerializer
    )
    def post(self, request: Request) -> Response:
        """Stop the caller's record; asking again returns the one stopped last."""
        person = caller(request)
        record, already_stopped = stop_worktime(
            user_id=person.id, organization_id=_organization_of_token(person)
        )
        return Response({**WorkTimeSerializer(record).data, "already_stopped": already_stopped})


class ActiveView(APIView):
    """Whether the caller is clocked in, wherever; for a token, in its organisation."""

    token_scope = Scope.CLOCK

    def reads(self, known: Known) -> Reads:
        """Return where the record is."""
        return [(active_worktimes, known.user_id)]

    @extend_schema(
        operation_id="worktime_active", summary="The running record", responses=ActiveSerializer
    )
    def get(self, request: Request) -> Response:
        """Return the caller's running record or null."""
        person = caller(request)
        record = active_worktimes.get(person.id)
        if record and _organization_of_token(person) not in (None, record.organization_id):
            record = None
        return Response(shown(ActiveSerializer, {"worktime": record}))


def _organization_of_token(person: Person) -> int | None:
    """Return the only organisation that concerns a token; None for a browser: all do."""
    return None if person.token_role_id is None else person.acting_role.organization_id
