"""Sums of a week, half a month or a month."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.cache import Person
from accounts.models import Entity, User
from accounts.permissions import access_to, caller
from config.api.fields import IdField
from config.api.reads import Known, Reads
from config.api.serializers import shown
from config.api.views import APIView
from config.db import clock
from organizations.cache import card_reads, organization_card
from worktime.cache import period_sum, visible_member, visible_worktimes
from worktime.days import day_of
from worktime.own import own_period_sum, own_periods
from worktime.periods import EXAMPLES, InvalidPeriod, Period, asked_period, week_of
from worktime.serializers import WorkTimeStatsSerializer
from worktime.sums import PeriodSum

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


def own_stats(person: Person, asked: Period | None) -> dict[str, Any]:
    """Return what the API shows of one's own period (default: this week), from the cache."""
    organization = organization_card(person.acting_role.organization_id)
    if organization is None:
        raise Http404
    # This machine's clock will do for what runs, and costs no query.
    zone, now = ZoneInfo(person.time_zone), timezone.now()
    period = asked or week_of(day_of(now, zone))
    rule = organization.day_rule
    sums = own_period_sum(person, rule=rule, period=period, zone=zone, now=now)
    return _answer(person, person, period, rule, sums)


def own_stats_reads(known: Known, asked: Period | None) -> Reads:
    """Return where `own_stats` looks; this week's, as far as that is known without the zone."""
    period = asked or week_of(timezone.now().date())
    return [(own_periods, (known.user_id, period.kind, period.name)), *card_reads(known)]


class StatsView(APIView):
    """A person's working time in a period."""

    permission_classes = (access_to(Entity.WORKTIME),)

    def reads(self, known: Known) -> Reads:
        """Return what one's own sums are made of."""
        try:
            return own_stats_reads(known, asked_period(self.request.query_params))
        except InvalidPeriod:
            return ()

    @extend_schema(
        operation_id="worktime_stats",
        summary="Sums of a period",
        parameters=[StatsQuerySerializer, *PERIOD_PARAMETERS],
        responses=WorkTimeStatsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the sums of a period (default: this week), with each day's."""
        wanted = StatsQuerySerializer(data=request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        asked = period_asked_for(request)
        person = caller(request)
        user_id = wanted.validated_data.get("user", person.id)
        if user_id == person.id:
            answer = own_stats(person, asked)
        else:
            answer = _stats_of(person, user_id, asked)
        if wanted.validated_data["form"] == "simple":
            del answer["days"]
        return Response(answer)


def _stats_of(person: Person, user_id: int, asked: Period | None) -> dict[str, Any]:
    user = visible_member(person, user_id)
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
    return _answer(person, user, period, organization.day_rule, sums)


def _answer(
    person: Person, user: User | Person, period: Period, rule: str, sums: PeriodSum
) -> dict[str, Any]:
    start, end = period.bounds(ZoneInfo(person.time_zone))
    answer: dict[str, Any] = shown(
        WorkTimeStatsSerializer,
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
            "day_rule": rule,
            "sums": sums,
        },
    )
    return answer
