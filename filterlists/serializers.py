"""What the API takes and shows of filter lists, groups and the look of tables."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import FlagField, IdField, TextField
from config.api.schema import ConditionSerializer, FieldErrorSerializer, example
from config.api.tables import CONNECTORS, all_tables
from config.names import validate_name
from filterlists.cache import PEOPLE, ROLES
from filterlists.models import ViewMode
from filterlists.services import MOST_GROUPS, MOST_LISTS

MOST_NAMES: Final = 100
COLUMN_NAME: Final = r"^[a-z][a-z0-9_]*\Z"


class TableField(serializers.ChoiceField):
    """The name of a table."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=list(all_tables()), **kwargs)


class FilterTableSerializer(serializers.Serializer[object]):
    """Which table."""

    table = TableField()


class FilterListQuerySerializer(FilterTableSerializer):
    """Which lists of a table."""

    group = serializers.ChoiceField(choices=[PEOPLE, ROLES], required=False)


class SharerSerializer(serializers.Serializer[object]):
    """Who shares a list."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()


class FilterListCardSerializer(serializers.Serializer[object]):
    """A list in a menu. `key` is what `?filter=` takes; computed lists have no id."""

    key = serializers.CharField()
    id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    table = serializers.CharField()
    group = serializers.IntegerField(allow_null=True)
    position = serializers.IntegerField()
    is_shared = serializers.BooleanField()
    shared_by = SharerSerializer(allow_null=True)
    owner_left = serializers.BooleanField(
        help_text="Only who may change all lists sees and runs it, and owns it by changing it."
    )


class FilterListSerializer(serializers.Serializer[object]):
    """A stored list; `problems` is why it would be refused now, empty as a rule."""

    key = serializers.CharField()
    id = serializers.IntegerField()
    name = serializers.CharField()
    table = serializers.CharField()
    conditions = ConditionSerializer(many=True)
    operators = serializers.ListField(child=serializers.ChoiceField(choices=CONNECTORS))
    group = serializers.IntegerField(allow_null=True)
    position = serializers.IntegerField()
    is_shared = serializers.BooleanField()
    is_own = serializers.BooleanField()
    problems = FieldErrorSerializer(many=True)


@extend_schema_field(ConditionSerializer(many=True))
class ConditionsField(serializers.JSONField):
    """Conditions as they are; `config.api.tables` checks them, with better words."""


@extend_schema_field({"type": "array", "items": {"type": "string", "enum": list(CONNECTORS)}})
class OperatorsField(serializers.JSONField):
    """What stands between conditions; checked with them."""


@example(name="Last month", is_shared=True)
class FilterListChangeSerializer(serializers.Serializer[object]):
    """What a person may change of a list; another group moves it."""

    name = TextField(max_length=100, validators=[validate_name])
    conditions = ConditionsField(required=False)
    operators = OperatorsField(required=False)
    group = IdField(required=False, allow_null=True)
    is_shared = FlagField(required=False)


@example(
    table="worktime",
    name="Stocktaking this month",
    conditions=[
        {"column": "started_at", "operator": "equals", "value": "@this_month"},
        {"column": "notes", "operator": "contains", "value": "stocktaking"},
    ],
    operators=["AND"],
)
class FilterListCreateSerializer(FilterListChangeSerializer, FilterTableSerializer):
    """A new list; without conditions it is everything that one may see."""


class FilterGroupSerializer(serializers.Serializer[object]):
    """A group of lists; people and roles are computed groups without an id."""

    key = serializers.CharField()
    id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    table = serializers.CharField()
    position = serializers.IntegerField()


@example(name="Accounting")
class FilterGroupChangeSerializer(serializers.Serializer[object]):
    """What a person may change of a group."""

    name = TextField(max_length=100, validators=[validate_name])


@example(table="worktime", name="Accounting")
class FilterGroupCreateSerializer(FilterGroupChangeSerializer, FilterTableSerializer):
    """A new group."""


@example(table="worktime", groups=[3, 1, 2])
class ReorderSerializer(FilterTableSerializer):
    """A new order: of all groups, or of all lists of one group (left out: of those without)."""

    groups = serializers.ListField(child=IdField(), max_length=MOST_GROUPS, required=False)
    lists = serializers.ListField(child=IdField(), max_length=MOST_LISTS, required=False)
    group = IdField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the input; raise ValidationError unless it orders one thing."""
        if ("groups" in attrs) == ("lists" in attrs):
            raise serializers.ValidationError("Give either groups or lists.")
        return attrs


@example(
    column_order=["started_at", "ended_at", "notes"],
    hidden_columns=["source"],
    view_mode="table",
    sort="-started_at",
)
class TableSettingsSerializer(serializers.Serializer[object]):
    """How a person looks at a table; `sort` is what `?ordering=` takes, or empty."""

    column_order = serializers.ListField(
        child=serializers.RegexField(COLUMN_NAME, max_length=50), max_length=MOST_NAMES
    )
    hidden_columns = serializers.ListField(
        child=serializers.RegexField(COLUMN_NAME, max_length=50), max_length=MOST_NAMES
    )
    view_mode = serializers.ChoiceField(choices=ViewMode.choices)
    sort = TextField(max_length=60, allow_blank=True)

    def validate_sort(self, sort: str) -> str:
        """Return it; raise ValidationError where the table cannot be ordered so."""
        allowed = self.context["table"].ordering_columns
        if sort and sort.removeprefix("-") not in allowed:
            names = ", ".join(sorted(allowed))
            raise serializers.ValidationError(f"Cannot order by this; allowed: {names}.")
        return sort


class ColumnChoiceSerializer(serializers.Serializer[object]):
    """A word that a column of type choice may hold."""

    value = serializers.CharField()
    name = serializers.CharField()


class ColumnSerializer(serializers.Serializer[object]):
    """A column that conditions may name."""

    name = serializers.CharField()
    type = serializers.CharField()
    operators = serializers.ListField(child=serializers.CharField())
    choices = ColumnChoiceSerializer(many=True)
    relative_values = serializers.ListField(child=serializers.CharField())
    listed_at = serializers.CharField(
        allow_null=True, help_text="Where ids of this column come from."
    )
    is_sortable = serializers.BooleanField()


class StandardListSerializer(serializers.Serializer[object]):
    """A list that everybody has; clients translate its key."""

    key = serializers.CharField()
    name = serializers.CharField()
    conditions = ConditionSerializer(many=True)
    operators = serializers.ListField(child=serializers.CharField())


class TableSerializer(serializers.Serializer[object]):
    """A table: what one may filter and order by, and the JSON Schema of its filters."""

    name = serializers.CharField()
    columns = ColumnSerializer(many=True)
    sortable = serializers.ListField(child=serializers.CharField())
    standard_lists = StandardListSerializer(many=True)
    groups = serializers.ListField(child=serializers.CharField())
    schema = serializers.DictField()
