"""Sums of a week, half a month or a month."""

from typing import Final
from zoneinfo import ZoneInfo

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity
from accounts.permissions import access_to, caller
from config.api.fields import IdField
from config.api.views import APIView
from config.db import clock
from organizations.cache import organization_card
from worktime.cache import period_sum, visible_member, visible_worktimes
from worktime.days import day_of
from worktime.periods import EXAMPLES, InvalidPeriod, Period, asked_period, week_of
from worktime.serializers import WorkTimeStatsSerializer

PERIOD_PARAMETERS: Final = [
    OpenApiParameter(kind, OpenApiTypes.STR, description=f"Such as {example}.")
    for kind, example in EXAMPLES.items()
]


class StatsQuerySerializer(serializers.Serializer[object]):
    """Whose statistics, and in which form."""

    user = IdField(required=False, help_text="Default: oneself.")
    form = serializers.ChoiceField(
        ["complete", "simple"], default="complete", help_text="simple: without the days."
    )


def period_asked_for(request: Request) -> Period | None:
    """Return the period that a request names; raise ValidationError naming the parameter."""
    try:
        return asked_period(request.query_params)
    except InvalidPeriod as error:
        raise ValidationError({error.kind: str(error)}) from error


class StatsView(APIView):
    """A person's working time in a period."""

    permission_classes = (access_to(Entity.WORKTIME),)

    @extend_schema(
        operation_id="worktime_stats",
        summary="Sums of a period",
        parameters=[StatsQuerySerializer, *PERIOD_PARAMETERS],
        responses=WorkTimeStatsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the sums of a period (default: this week), with each day's."""
        wanted = StatsQuerySerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        asked = period_asked_for(request)
        person = caller(request)
        user = visible_member(person, wanted.validated_data.get("user", person.id))
        organization = organization_card(person.acting_role.organization_id)
        if user is None or organization is None:
            raise Http404
        zone, now = ZoneInfo(person.time_zone), clock.now()
        period = asked or week_of(day_of(now, zone))
        sums = period_sum(
            visible_worktimes(person),
            user=user,
            organization_id=organization.id,
            rule=organization.day_rule,
            period=period,
            zone=zone,
            now=now,
        )
        start, end = period.bounds(zone)
        answer = WorkTimeStatsSerializer(
            {
                "user": user,
                "period": {
                    "kind": period.kind,
                    "name": period.name,
                    "first_day": period.first_day,
                    "last_day": period.last_day,
                    "started_at": start,
                    "ended_at": end,
                },
                "time_zone": person.time_zone,
                "day_rule": organization.day_rule,
                "sums": sums,
            }
        ).data
        if wanted.validated_data["form"] == "simple":
            del answer["days"]
        return Response(answer)
