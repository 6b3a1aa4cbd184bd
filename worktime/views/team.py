"""The team: who is at work, stopping someone, overtime. By the role's reach and branches."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import caller
from config.api.pagination import KeysetPagination
from config.api.tables import TableFilter
from config.api.views import APIView
from config.db import clock
from organizations.cache import organization_card
from organizations.models import DailyLimit
from worktime.cache import SHOWN, totals_of_today, visible_member, visible_worktimes
from worktime.models import WorkTime
from worktime.permissions import LeadsTeam
from worktime.serializers import (
    AtWorkSerializer,
    OvertimeSerializer,
    StoppedSerializer,
    TeamStopSerializer,
    WorkTimeSerializer,
)
from worktime.services.clocking import stop_worktime_of
from worktime.services.overtime import approve_overtime
from worktime.services.records import author
from worktime.tables import WORKTIME


class TeamActiveView(APIView, ListAPIView[WorkTime]):
    """Who is clocked in, with what they worked today."""

    permission_classes = (LeadsTeam,)
    serializer_class: Any = AtWorkSerializer
    pagination_class = KeysetPagination
    table = WORKTIME
    filter_backends = (TableFilter,)
    ordering_columns = WORKTIME.ordering_columns
    ordering = "started_at"

    def get_queryset(self) -> QuerySet[WorkTime]:
        """Return the running records that the caller may see."""
        running = visible_worktimes(caller(self.request)).running()
        return running.select_related(*SHOWN)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a page of records, each with its person's day."""
        organization = organization_card(caller(request).acting_role.organization_id)
        if organization is None:
            raise Http404
        records = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        totals = totals_of_today(records, organization.id, organization.day_rule, clock.now())
        has_limit = organization.daily_limit != DailyLimit.OFF
        rows = []
        for record in records:
            today = totals[record.user_id]
            row = {
                "day": today.day,
                "worked": today.worked,
                "limit": today.limit if has_limit else None,
                "remaining": today.remaining if has_limit else None,
            }
            rows.append({"worktime": record, "today": row})
        return self.get_paginated_response(AtWorkSerializer(rows, many=True).data)


class TeamStopView(APIView):
    """Clock a member out."""

    permission_classes = (LeadsTeam,)

    @extend_schema(
        operation_id="team_worktime_stop",
        summary="Clock a member out",
        request=TeamStopSerializer,
        responses=StoppedSerializer,
    )
    def post(self, request: Request) -> Response:
        """Stop a member's record; asking again returns the one stopped last."""
        wanted = TeamStopSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        person, user_id = caller(request), wanted.validated_data["user"]
        if visible_member(person, user_id) is None:
            raise Http404
        record, already_stopped = stop_worktime_of(
            author=author(person), user_id=user_id, reason=wanted.validated_data.get("reason", "")
        )
        return Response({**WorkTimeSerializer(record).data, "already_stopped": already_stopped})


class OvertimeView(APIView):
    """Let a member work longer on a day."""

    permission_classes = (LeadsTeam,)

    @extend_schema(
        operation_id="team_worktime_overtime",
        summary="Approve overtime",
        request=OvertimeSerializer,
        responses=OvertimeSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set how many hours beyond the normal ones; 0 withdraws the approval."""
        wanted = OvertimeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        approve_overtime(
            approver=caller(request),
            user_id=given["user"],
            day=given["date"],
            hours=given["hours"],
        )
        return Response(OvertimeSerializer(given).data)
