"""What the schema shows: its examples are sent, its links followed from what they make."""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

import hypothesis
from schemathesis.specs.openapi.checks import ensure_resource_availability, use_after_free

from tests.api.contract import (
    CHECKS,
    IDS,
    SETTINGS,
    be_patient,
    describe,
    failures,
    generate_document,
    load_schema,
    set_ids,
    signed_in,
    undone,
)
from tests.conftest import Api

STEPS: Final = 8  # requests of a scenario
# Which ids bodies name, as `IDS` does for paths.
IDS_INSIDE: Final = {
    "branch": "branch",
    "branches": "branch",
    "groups": "filter_group",
    "organization": "organization",
    "role": "role",
    "roles": "role",
    "user": "user",
}


def example_of(operation: Mapping[str, Any], ids: Mapping[str, int]) -> Any:
    """Return the body that the schema shows for an operation, with ids that exist."""
    [shown] = operation["requestBody"]["content"]["application/json"]["examples"].values()
    body = dict(shown["value"])
    for name in body.keys() & IDS_INSIDE:
        known = ids[IDS_INSIDE[name]]
        body[name] = [known] if isinstance(body[name], list) else known
    return body


def send_example(operation: Any, client: Api, ids: Mapping[str, int]) -> list[str]:
    """Send the request that the schema shows; return what is wrong unless it is accepted."""
    case = operation.Case(
        path_parameters={**dict.fromkeys(IDS), "table": "worktime"},
        body=example_of(operation.definition.raw, ids),
        media_type="application/json",
    )
    set_ids(case, ids)
    with undone():
        response = case.call(**signed_in(client))
    found = [describe(case, failure) for failure in failures(case, response)]
    if response.status_code >= 300:
        found.append(f"{operation.label}: {response.status_code} {response.text}")
    return found


def follow_links(
    client: Api, ids: Mapping[str, int], *, scenarios: int, seed: int
) -> tuple[Counter[str], list[str]]:
    """Make what the schema's examples show, then do with it what its links lead to.

    Return how often each operation that is linked to succeeded, and what was wrong.
    """
    document = generate_document()
    linked = {
        name
        for methods in document["paths"].values()
        for operation in methods.values()
        for name in (operation["operationId"], *links_of(operation))
        if links_of(operation)
    }
    document["paths"] = {
        path: {
            method: operation
            for method, operation in methods.items()
            if operation["operationId"] in linked
        }
        for path, methods in document["paths"].items()
    }
    succeeded: Counter[str] = Counter()

    class Scenario(load_schema(document).as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.ending = ExitStack()
            self.ending.enter_context(undone())
            be_patient()

        def teardown(self) -> None:
            self.ending.close()

        def before_call(self, case: Any) -> None:
            if links_of(case.operation.definition.raw):
                case.body = example_of(case.operation.definition.raw, ids)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return signed_in(client)

        def validate_response(self, response: Any, case: Any, *args: Any, **kwargs: Any) -> None:
            checks = [*CHECKS, use_after_free, ensure_resource_availability]
            found = failures(case, response, checks, recorder=self.recorder)
            wrong.extend(describe(case, failure) for failure in found)

        def step(self, input: Any) -> Any:
            output = super().step(input)
            if input.transition is not None and input.is_applied:
                succeeded[output.case.operation.label] += output.response.status_code < 300
            return output

    wrong: list[str] = []
    settings = hypothesis.settings(SETTINGS, max_examples=scenarios, stateful_step_count=STEPS)
    hypothesis.seed(seed)(Scenario).run(settings=settings)
    return succeeded, wrong


def links_of(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the links of what an operation makes."""
    links: dict[str, Any] = operation["responses"].get("201", {}).get("links", {})
    return links
