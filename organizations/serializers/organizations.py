"""What the API takes and shows of organisations."""

from typing import Any

from rest_framework import serializers

from accounts.models import Language
from accounts.serializers import OrganizationBriefSerializer
from config.api.fields import FlagField, PatternField, StrictModelSerializer, TextField
from config.api.schema import example
from config.names import validate_name
from organizations.models import DailyLimit, DayRule, Organization, validate_slug

WEEK_STARTS = ("monday", "saturday", "sunday")


class OrganizationSerializer(OrganizationBriefSerializer):
    """The card of the active organisation."""

    domain = serializers.CharField(allow_null=True)
    country = serializers.CharField()
    tax_number = serializers.CharField()
    time_zone = serializers.CharField()
    subscription_plan = serializers.CharField()
    subscription_end = serializers.DateTimeField(allow_null=True)
    max_users = serializers.IntegerField()
    require_bank_details = serializers.BooleanField()
    daily_limit = serializers.ChoiceField(DailyLimit.choices)
    day_rule = serializers.ChoiceField(DayRule.choices)


@example(display_name="Nordwind Ltd", country="DE")
class OrganizationChangeSerializer(StrictModelSerializer[Organization]):
    """What an organisation's admins may change; the plan is the operators' matter."""

    # Which domain is free, the database decides.
    domain = PatternField(
        r"^[a-z0-9-]+(\.[a-z0-9-]+)+\Z", max_length=253, allow_null=True, required=False
    )
    logo = PatternField(r"^(https?://\S+)?\Z", max_length=200, allow_blank=True, required=False)

    class Meta:
        model = Organization
        fields = ("display_name", "domain", "logo", "country", "tax_number", "time_zone")


@example(name="westwind", display_name="Westwind", time_zone="Europe/Berlin")
class FoundingSerializer(StrictModelSerializer[Organization]):
    """What founding an organisation takes."""

    name = TextField(max_length=100, validators=[validate_slug])
    branch_name = TextField(max_length=100, default="Main office", validators=[validate_name])

    class Meta:
        model = Organization
        fields = ("name", "display_name", "branch_name", "time_zone")


class FoundSerializer(serializers.Serializer[object]):
    """An organisation as strangers find it."""

    id = serializers.IntegerField()
    display_name = serializers.CharField()


class FoundListSerializer(serializers.Serializer[object]):
    """What was found."""

    results = FoundSerializer(many=True)


class SearchSerializer(serializers.Serializer[object]):
    """What to search for."""

    q = serializers.CharField(min_length=3, max_length=100)


class StatsSerializer(serializers.Serializer[object]):
    """How many of what an organisation has."""

    active_users = serializers.IntegerField()
    inactive_users = serializers.IntegerField()
    max_users = serializers.IntegerField()
    roles = serializers.IntegerField()
    branches = serializers.IntegerField()


@example(week_start="monday", daily_limit="warn")
class OrganizationSettingsSerializer(serializers.Serializer[object]):
    """The settings that the server knows; further keys are kept as they are, null removes one."""

    language = serializers.ChoiceField(Language.choices, allow_null=True, required=False)
    week_start = serializers.ChoiceField(WEEK_STARTS, allow_null=True, required=False)
    fortnight_view = FlagField(allow_null=True, required=False)
    require_bank_details = FlagField(required=False)
    daily_limit = serializers.ChoiceField(DailyLimit.choices, required=False)
    day_rule = serializers.ChoiceField(DayRule.choices, required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the known keys, checked, and the others as they are."""
        known: dict[str, Any] = super().to_internal_value(data)
        return {**{key: data[key] for key in data if key not in self.fields}, **known}
