"""The records: list, made after the fact, changed, deleted, and what was done to them."""

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity
from accounts.permissions import access_to, caller
from config.api.pagination import KeysetPagination
from config.api.tables import TableFilter
from config.api.views import APIView
from worktime.cache import SHOWN, visible_member, visible_revisions, visible_worktimes
from worktime.models import WorkTime, WorkTimeRevision
from worktime.serializers import (
    ChangeSerializer,
    DeleteSerializer,
    ManualSerializer,
    RevisionSerializer,
    WorkTimeSerializer,
)
from worktime.services.corrections import change_worktime, create_worktime, delete_worktime
from worktime.services.records import author, lock_person
from worktime.tables import REVISIONS, WORKTIME
from worktime.views.collisions import collisions_shown


class WorkTimeListView(APIView, ListAPIView[WorkTime]):
    """The records that the caller may see."""

    permission_classes = (access_to(Entity.WORKTIME),)
    serializer_class = WorkTimeSerializer
    pagination_class = KeysetPagination
    table = WORKTIME
    filter_backends = (TableFilter,)
    ordering_columns = WORKTIME.ordering_columns
    ordering = "-started_at"

    def get_queryset(self) -> QuerySet[WorkTime]:
        """Return what the caller may see, with what a row shows."""
        return visible_worktimes(caller(self.request)).select_related(*SHOWN)

    @extend_schema(
        operation_id="worktime_create",
        summary="Record work after the fact",
        request=ManualSerializer,
        responses={201: WorkTimeSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a finished record, one's own or (who may) a member's."""
        wanted = ManualSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        person = caller(request)
        user_id = given.get("user", person.id)
        if user_id != person.id and visible_member(person, user_id) is None:
            raise Http404
        with collisions_shown(person):
            record = create_worktime(
                person=person,
                user_id=user_id,
                branch_id=given.get("branch"),
                started_at=given["started_at"],
                ended_at=given["ended_at"],
                notes=given.get("notes", ""),
                reason=given.get("reason", ""),
            )
        return Response(WorkTimeSerializer(record).data, status=201)


class WorkTimeView(APIView):
    """One record."""

    permission_classes = (access_to(Entity.WORKTIME),)

    def lock(self, request: Request, worktime_id: int) -> None:
        """Lock the record's person; raise Http404 where there is no such record."""
        records = visible_worktimes(caller(request)).filter(pk=worktime_id)
        user_id = records.values_list("user_id", flat=True).first()
        if user_id is None:
            raise Http404
        lock_person(user_id)

    @extend_schema(
        operation_id="worktime_retrieve", summary="One record", responses=WorkTimeSerializer
    )
    def get(self, request: Request, worktime_id: int) -> Response:
        """Return a record."""
        records = visible_worktimes(caller(request)).select_related(*SHOWN)
        record = records.filter(pk=worktime_id).first()
        if record is None:
            raise Http404
        return Response(WorkTimeSerializer(record).data)

    @extend_schema(
        operation_id="worktime_change",
        summary="Change a record",
        request=ChangeSerializer,
        responses=WorkTimeSerializer,
    )
    def patch(self, request: Request, worktime_id: int) -> Response:
        """Change some fields; one's own record, or (who may) a member's."""
        wanted = ChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        changes = dict(wanted.validated_data)
        reason = changes.pop("reason", "")
        person = caller(request)
        with collisions_shown(person):
            record = change_worktime(
                author=author(person), worktime_id=worktime_id, changes=changes, reason=reason
            )
        return Response(WorkTimeSerializer(record).data)

    @extend_schema(
        operation_id="worktime_delete",
        summary="Delete a record",
        parameters=[DeleteSerializer],
        responses={204: None},
    )
    def delete(self, request: Request, worktime_id: int) -> Response:
        """Delete a record; a finished one needs a reason."""
        wanted = DeleteSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        delete_worktime(
            author=author(caller(request)),
            worktime_id=worktime_id,
            reason=wanted.validated_data.get("reason", ""),
        )
        return Response(status=204)


class RevisionListView(APIView, ListAPIView[WorkTimeRevision]):
    """What was done to a record, also to one that is deleted."""

    permission_classes = (access_to(Entity.WORKTIME),)
    serializer_class = RevisionSerializer
    pagination_class = KeysetPagination
    table = REVISIONS
    filter_backends = (TableFilter,)
    ordering_columns = REVISIONS.ordering_columns
    ordering = "id"

    def get_queryset(self) -> QuerySet[WorkTimeRevision]:
        """Return the revisions of the record; raise Http404 where there is no such record."""
        person, worktime_id = caller(self.request), self.kwargs["worktime_id"]
        revisions = visible_revisions(person).filter(worktime_id=worktime_id)
        known = revisions.exists() or visible_worktimes(person).filter(pk=worktime_id).exists()
        if not known:
            raise Http404
        return revisions.select_related("author")
