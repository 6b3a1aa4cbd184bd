"""What the API takes and shows of the session context."""

from rest_framework import serializers

from accounts.serializers import PersonSerializer
from config.api.fields import IdField
from config.api.schema import example
from organizations.serializers.branches import BranchSerializer
from organizations.serializers.organizations import OrganizationSerializer


class MeSerializer(PersonSerializer):
    """The session context of who calls."""

    active_organization = OrganizationSerializer(allow_null=True)
    active_branch = BranchSerializer(allow_null=True)


@example(role=2)
class ActiveRoleChoiceSerializer(serializers.Serializer[object]):
    """The role to act in."""

    role = IdField()


@example(branch=1)
class ActiveBranchChoiceSerializer(serializers.Serializer[object]):
    """The branch to clock in at."""

    branch = IdField()
