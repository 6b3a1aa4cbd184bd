"""What operations of the schema have in common: tags, refusals, links from what a POST makes."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiFilterExtension
from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    Direction,
    OpenApiExample,
    OpenApiParameter,
    extend_schema_serializer,
)
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS

from config.api.authority import ACTING_ROLE
from config.api.exceptions import CONTENT_TYPE
from config.api.tables import CONNECTORS, MOST_BYTES, Operator

S = TypeVar("S", bound=type[serializers.BaseSerializer[Any]])


def example(**value: Any) -> Callable[[S], S]:
    """Give a serializer an example of a request; tests send it, with ids that exist."""
    shown = OpenApiExample("Example", value=value, request_only=True)
    return extend_schema_serializer(examples=[shown])


class FieldErrorSerializer(serializers.Serializer[object]):
    """What is wrong with one field; of a condition of a filter also which, and what is allowed."""

    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()
    index = serializers.IntegerField(required=False)
    column = serializers.CharField(required=False, allow_null=True)
    operator = serializers.CharField(required=False, allow_null=True)
    allowed = serializers.ListField(child=serializers.CharField(), required=False)


class ConditionSerializer(serializers.Serializer[object]):
    """One comparison; `/api/filter-lists/tables/` has what each table allows, as JSON Schema."""

    column = serializers.CharField()
    operator = serializers.ChoiceField(choices=[str(each) for each in Operator])
    value = serializers.JSONField(required=False, allow_null=True)


class FilterSerializer(serializers.Serializer[object]):
    """Conditions, and the operators between them, one fewer; AND binds tighter than OR."""

    conditions = ConditionSerializer(many=True)
    operators = serializers.ListField(
        child=serializers.ChoiceField(choices=CONNECTORS), required=False
    )


class ProblemSerializer(serializers.Serializer[object]):
    """A refusal, after RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    request_id = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; one of them has a name that serializers use themselves."""
        return {**super().get_fields(), "errors": FieldErrorSerializer(many=True, required=False)}


class SessionAuthenticationScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The session cookie."""

    target_class = "config.api.authentication.SessionAuthentication"
    match_subclasses = True


class TableFilterExtension(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    """The parameters of a list that can be filtered."""

    target_class = "config.api.tables.backend.TableFilter"

    def get_schema_operation_parameters(
        self, auto_schema: SpectacularAutoSchema, *args: Any, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return `filter` and `conditions`; the latter's schema is a component."""
        document = auto_schema.resolve_serializer(FilterSerializer, "request").ref
        stored = "A saved list: its id, or the key of a standard list, a person or a role."
        given = f"A filter, at most {MOST_BYTES} bytes; see `/api/filter-lists/tables/`."
        parameters = (
            ("filter", stored, {"schema": {"type": "string"}}),
            ("conditions", given, {"content": {"application/json": {"schema": document}}}),
        )
        return [
            {"name": name, "in": "query", "required": False, "description": text, **kind}
            for name, text, kind in parameters
        ]


class AutoSchema(SpectacularAutoSchema):
    """drf-spectacular's, which also documents the problems that any operation may answer."""

    def get_tags(self) -> list[str]:
        """Return the first part of the path."""
        return [self.path.removeprefix("/api/").split("/")[0]]

    def get_summary(self) -> str | None:
        """Return the declared summary, else the first sentence of the view's description."""
        return super().get_summary() or self.get_description().split(".")[0] or None

    def get_override_parameters(self) -> list[Any]:
        """Return what every write may say of its caller."""
        if self.method in SAFE_METHODS:
            return []
        return [
            OpenApiParameter(
                ACTING_ROLE,
                OpenApiTypes.INT64,
                OpenApiParameter.HEADER,
                description=(
                    "The id of the role that the caller sees as active. If another one is, the"
                    " answer is 409 `acting_role_changed` and nothing is done."
                ),
            )
        ]

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        """Return the declared answers and the problems."""
        refusals = {"400", "401", "403", "404", "429", "503"}
        if self.method not in SAFE_METHODS:
            refusals |= {"409", "413", "415"}
        if self.method in {"PATCH", "PUT", "DELETE"}:
            refusals.add("412")
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code in sorted(refusals - bodies.keys()):
            bodies[code] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                ProblemSerializer, code, [CONTENT_TYPE], direction
            )
        return bodies


def link_what_is_made(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add links from what a POST makes to what its `id` is good for (a postprocessing hook)."""
    paths: dict[str, dict[str, Any]] = result["paths"]
    answers = {
        path: methods["post"]["responses"]["201"]
        for path, methods in paths.items()
        if "201" in methods.get("post", {}).get("responses", {})
    }
    links: dict[str, dict[str, Any]] = {}
    for path, answer in answers.items():
        for item, methods in paths.items():
            if found := re.match(re.escape(path) + r"{(\w+)}/", item):
                parameters = {found[1]: "$response.body#/id"}
                links.setdefault(str(answer["content"]), {}).update(
                    (operation["operationId"], _link(operation, parameters))
                    for operation in methods.values()
                )
    for answer in answers.values():
        if found_links := links.get(str(answer["content"])):
            answer["links"] = found_links
    return result


def _link(operation: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    return {"operationId": operation["operationId"], "parameters": parameters}
