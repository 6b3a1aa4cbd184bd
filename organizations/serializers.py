"""What the API takes and shows of the session context, organisations, branches, roles, people."""

from typing import Any

from django.contrib.auth.validators import UnicodeUsernameValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import AccessLevel, Entity, Language, Role, User
from accounts.serializers import (
    OrganizationBriefSerializer,
    PermissionsSerializer,
    PersonSerializer,
)
from config.api.fields import IdField
from organizations.models import Branch, DailyLimit, DayRule, Organization, validate_slug

WEEK_STARTS = ("monday", "saturday", "sunday")
# More than anybody holds; a bound for what one request can ask.
MOST_IDS = 100


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


class OrganizationChangeSerializer(serializers.ModelSerializer[Organization]):
    """What an organisation's admins may change; the plan is the operators' matter."""

    # Which domain is free, the database decides.
    domain = serializers.RegexField(
        r"^[a-z0-9-]+(\.[a-z0-9-]+)+\Z", max_length=253, allow_null=True, required=False
    )
    logo = serializers.RegexField(
        r"^(https?://\S+)?\Z", max_length=200, allow_blank=True, required=False
    )

    class Meta:
        model = Organization
        fields = ("display_name", "domain", "logo", "country", "tax_number", "time_zone")


class FoundingSerializer(serializers.ModelSerializer[Organization]):
    """What founding an organisation takes."""

    name = serializers.CharField(max_length=100, validators=[validate_slug])
    branch_name = serializers.CharField(max_length=100, default="Main office")

    class Meta:
        model = Organization
        fields = ("name", "display_name", "branch_name", "time_zone")


class FoundSerializer(serializers.Serializer[object]):
    """An organisation as strangers find it."""

    id = serializers.IntegerField()
    display_name = serializers.CharField()


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


class OrganizationSettingsSerializer(serializers.Serializer[object]):
    """The settings that the server knows; further keys are kept as they are, null removes one."""

    language = serializers.ChoiceField(Language.choices, allow_null=True, required=False)
    week_start = serializers.ChoiceField(WEEK_STARTS, allow_null=True, required=False)
    fortnight_view = serializers.BooleanField(allow_null=True, required=False)
    require_bank_details = serializers.BooleanField(required=False)
    daily_limit = serializers.ChoiceField(DailyLimit.choices, required=False)
    day_rule = serializers.ChoiceField(DayRule.choices, required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the known keys, checked, and the others as they are."""
        known: dict[str, Any] = super().to_internal_value(data)
        return {**{key: data[key] for key in data if key not in self.fields}, **known}


class BranchSerializer(serializers.ModelSerializer[Branch]):
    """A branch."""

    class Meta:
        model = Branch
        fields = ("id", "name", "address", "city", "country", "time_zone", "is_active")


class MeSerializer(PersonSerializer):
    """The session context of who calls."""

    active_organization = OrganizationSerializer(allow_null=True)
    active_branch = BranchSerializer(allow_null=True)


class ActiveRoleChoiceSerializer(serializers.Serializer[object]):
    """The role to act in."""

    role = IdField()


class ActiveBranchChoiceSerializer(serializers.Serializer[object]):
    """The branch to clock in at."""

    branch = IdField()


class NamedSerializer(serializers.Serializer[object]):
    """A role or branch beside something else."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class RoleSerializer(serializers.ModelSerializer[Role]):
    """A role with the access level of each entity; an admin's is always `all_both`."""

    branches = NamedSerializer(many=True)
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = Role
        fields = (
            "id",
            "name",
            "description",
            "is_admin",
            "all_branches",
            "branches",
            "permissions",
        )

    @extend_schema_field(PermissionsSerializer)
    def get_permissions(self, role: Role) -> dict[str, str]:
        """Return the level of each entity."""
        start = AccessLevel.ALL_BOTH if role.is_admin else AccessLevel.NONE
        levels: dict[str, str] = dict.fromkeys(Entity.values, start)
        if not role.is_admin:
            levels |= {each.entity: each.access_level for each in role.permissions.all()}
        return levels


class PermissionChangesSerializer(PermissionsSerializer):
    """The access levels that are given."""

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        """Return one field for each entity, none of them required."""
        fields = super().get_fields()
        for field in fields.values():
            field.required = False
        return fields


class RoleChangeSerializer(serializers.ModelSerializer[Role]):
    """A role's own fields; permissions that are left out stay as they are (new role: `none`)."""

    branches = serializers.ListField(child=IdField(), max_length=MOST_IDS, required=False)
    permissions = PermissionChangesSerializer(required=False)

    class Meta:
        model = Role
        fields = ("name", "description", "is_admin", "all_branches", "branches", "permissions")


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


class UserChangeSerializer(serializers.ModelSerializer[User]):
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


class UserCreateSerializer(UserChangeSerializer):
    """A new person with at least one role."""

    # Which names are free, the database decides.
    username = serializers.CharField(max_length=150, validators=[UnicodeUsernameValidator()])
    email = serializers.EmailField(max_length=254)
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


class RoleIdsSerializer(serializers.Serializer[object]):
    """All roles that the person shall have; none means leaving the organisation."""

    roles = serializers.ListField(child=IdField(), max_length=MOST_IDS)


class BranchIdsSerializer(serializers.Serializer[object]):
    """All branches that the person shall have."""

    branches = serializers.ListField(child=IdField(), max_length=MOST_IDS)
