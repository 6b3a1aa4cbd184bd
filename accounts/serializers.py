"""What the API shows of people and roles."""

from typing import Any

from rest_framework import serializers

from accounts.models import AccessLevel, ApiToken, Entity, Language, Scope, User
from config.api.fields import FlagField, IdField, InstantField, StrictModelSerializer, TextField
from config.api.schema import example
from config.names import validate_name


class OrganizationBriefSerializer(serializers.Serializer[object]):
    """An organisation in a list of roles."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    display_name = serializers.CharField()
    logo = serializers.CharField()


@example(dark_mode=True)
class SettingsSerializer(serializers.Serializer[object]):
    """How the browser app looks for a person."""

    dark_mode = FlagField()
    sidebar_collapsed = FlagField()


class HeldRoleSerializer(serializers.Serializer[object]):
    """A role that the person holds."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    organization = OrganizationBriefSerializer()
    is_active = serializers.BooleanField()


class PermissionsSerializer(serializers.Serializer[object]):
    """The access level of each entity."""

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        """Return one field for each entity."""
        return {entity: serializers.ChoiceField(AccessLevel.choices) for entity in Entity.values}


class ActiveRoleSerializer(serializers.Serializer[object]):
    """The role that decides, with its permissions."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    is_admin = serializers.BooleanField()
    all_branches = serializers.SerializerMethodField()
    permissions = PermissionsSerializer(source="levels")

    def get_all_branches(self, role: object) -> bool:
        """Return whether the role covers every branch."""
        return getattr(role, "branches", None) is None


class PersonSerializer(serializers.Serializer[object]):
    """Who someone is and what their active role may do."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    language = serializers.ChoiceField(Language.choices)
    country = serializers.CharField()
    time_zone = serializers.CharField()
    settings = SettingsSerializer()
    roles = HeldRoleSerializer(many=True)
    active_role = ActiveRoleSerializer(allow_null=True)


class PersonBriefSerializer(serializers.ModelSerializer[User]):
    """A person beside something of theirs."""

    class Meta:
        model = User
        fields = ("id", "username", "first_name", "last_name")


@example(first_name="Alice", time_zone="Europe/Berlin")
class ProfileSerializer(StrictModelSerializer[User]):
    """A person's own record; the e-mail changes through allauth's verified flow alone."""

    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "email",
            "first_name",
            "last_name",
            "phone_number",
            "language",
            "country",
            "time_zone",
            "birthday",
            "employee_number",
            "normal_working_hours",
            "date_joined",
        )
        read_only_fields = (
            "id",
            "username",
            "email",
            "employee_number",
            "normal_working_hours",
            "date_joined",
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what a client could take for saved here."""
        if "bank_details" in self.initial_data:
            raise serializers.ValidationError(
                {"bank_details": "They have a route of their own: /api/me/bank-details/."},
                "elsewhere",
            )
        return attrs


@example(bank_details="DE02 1203 0000 0000 2020 51")
class BankDetailsSerializer(StrictModelSerializer[User]):
    """Where a person's wages go."""

    class Meta:
        model = User
        fields = ("bank_details",)
        extra_kwargs = {"bank_details": {"required": True}}


class TokenRoleSerializer(serializers.Serializer[object]):
    """The role that a token acts in."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    organization = OrganizationBriefSerializer()


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token without its secret."""

    role = TokenRoleSerializer(source="role_assignment.role")
    expires_at = serializers.DateTimeField(source="expiry")
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = ("id", "name", "scopes", "role", "created_at", "expires_at")


class IssuedTokenSerializer(TokenSerializer):
    """A new token; `token` is shown this once."""

    token = serializers.CharField()

    class Meta(TokenSerializer.Meta):
        fields: tuple[str, ...] = (*TokenSerializer.Meta.fields, "token")


@example(name="Terminal at the door", scopes=["worktime:clock"])
class IssueTokenSerializer(serializers.Serializer[object]):
    """What a token shall be for."""

    name = TextField(max_length=100, validators=[validate_name])
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), min_length=1, max_length=len(Scope)
    )
    role = IdField(required=False, help_text="Default: the active role.")
    expires_at = InstantField(required=False, help_text="Default: in 90 days.")
