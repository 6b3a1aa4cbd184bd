"""What the API takes and shows of roles."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import AccessLevel, Entity, Role
from accounts.serializers import PermissionsSerializer
from config.api.fields import IdField, StrictModelSerializer
from config.api.schema import example
from organizations.serializers.brief import MOST_IDS, NamedSerializer


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


@example(name="Accounting", permissions={"worktime": "all_read"})
class RoleChangeSerializer(StrictModelSerializer[Role]):
    """A role's own fields; permissions that are left out stay as they are (new role: `none`)."""

    branches = serializers.ListField(child=IdField(), max_length=MOST_IDS, required=False)
    permissions = PermissionChangesSerializer(required=False)

    class Meta:
        model = Role
        fields = ("name", "description", "is_admin", "all_branches", "branches", "permissions")
