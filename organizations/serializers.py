"""What the API shows of the session context, organisations and branches."""

from rest_framework import serializers

from accounts.serializers import OrganizationBriefSerializer, PersonSerializer
from organizations.models import Branch, DailyLimit, DayRule


class OrganizationSerializer(OrganizationBriefSerializer):
    """The card of the active organisation."""

    domain = serializers.CharField(allow_null=True)
    country = serializers.CharField()
    time_zone = serializers.CharField()
    subscription_plan = serializers.CharField()
    subscription_end = serializers.DateTimeField(allow_null=True)
    max_users = serializers.IntegerField()
    require_bank_details = serializers.BooleanField()
    daily_limit = serializers.ChoiceField(DailyLimit.choices)
    day_rule = serializers.ChoiceField(DayRule.choices)


class BranchSerializer(serializers.ModelSerializer[Branch]):
    """A branch."""

    class Meta:
        model = Branch
        fields = ("id", "name", "address", "city", "country", "time_zone", "is_active")


class MeSerializer(PersonSerializer):
    """The session context of who calls."""

    active_organization = OrganizationSerializer(allow_null=True)
    active_branch = BranchSerializer(allow_null=True)
