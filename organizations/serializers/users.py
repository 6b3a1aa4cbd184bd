"""What the API takes and shows of people."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from config.api.fields import IdField, StrictModelSerializer, TextField
from config.api.schema import example
from config.names import validate_ascii_email
from organizations.serializers.brief import MOST_IDS, NamedSerializer

USERNAME = User._meta.get_field("username").validators


class UserSerializer(serializers.ModelSerializer[User]):
    """A person in a list, with roles and branches of the active organisation."""

    roles = serializers.SerializerMethodField()
    branches = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields: tuple[str, ...] = (
            "id",
            "username",
            "email",
            "first_name",
            "last_name",
            "is_active",
            "phone_number",
            "language",
            "country",
            "time_zone",
            "employee_number",
            "normal_working_hours",
            "roles",
            "branches",
        )

    @extend_schema_field(NamedSerializer(many=True))
    def get_roles(self, user: User) -> list[dict[str, Any]]:
        """Return the prefetched roles."""
        return [
            {"id": each.role.id, "name": each.role.name} for each in user.role_assignments.all()
        ]

    @extend_schema_field(NamedSerializer(many=True))
    def get_branches(self, user: User) -> list[dict[str, Any]]:
        """Return the prefetched branches."""
        return [
            {"id": each.branch.id, "name": each.branch.name}
            for each in user.branch_assignments.all()
        ]


class UserDetailSerializer(UserSerializer):
    """A person; `birthday` and `bank_details` are for themselves and for who may write users."""

    class Meta(UserSerializer.Meta):
        fields: tuple[str, ...] = (*UserSerializer.Meta.fields, "birthday", "bank_details")
        extra_kwargs = {"birthday": {"required": False}, "bank_details": {"required": False}}


@example(first_name="Dora", employee_number="17")
class UserChangeSerializer(StrictModelSerializer[User]):
    """What may be changed of a person; of oneself only what the profile has."""

    class Meta:
        model = User
        fields: tuple[str, ...] = (
            "first_name",
            "last_name",
            "phone_number",
            "language",
            "country",
            "time_zone",
            "birthday",
            "bank_details",
            "employee_number",
            "normal_working_hours",
            "is_active",
        )
        extra_kwargs = {"normal_working_hours": {"min_value": 0, "max_value": 24}}


@example(username="dora", email="dora@nordwind.example", roles=[2], branches=[1])
class UserCreateSerializer(UserChangeSerializer):
    """A new person with at least one role."""

    # Which names are free, the database decides.
    username = TextField(max_length=150, validators=USERNAME)
    email = serializers.EmailField(max_length=254, validators=[validate_ascii_email])
    roles = serializers.ListField(child=IdField(), min_length=1, max_length=MOST_IDS)
    branches = serializers.ListField(child=IdField(), max_length=MOST_IDS, required=False)

    class Meta(UserChangeSerializer.Meta):
        fields: tuple[str, ...] = (
            "username",
            "email",
            "roles",
            "branches",
            *UserChangeSerializer.Meta.fields[:-1],
        )


@example(roles=[2])
class RoleIdsSerializer(serializers.Serializer[object]):
    """All roles that the person shall have; none means leaving the organisation."""

    roles = serializers.ListField(child=IdField(), max_length=MOST_IDS)


@example(branches=[1, 2])
class BranchIdsSerializer(serializers.Serializer[object]):
    """All branches that the person shall have."""

    branches = serializers.ListField(child=IdField(), max_length=MOST_IDS)
