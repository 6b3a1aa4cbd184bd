"""Requests made from the schema, good and bad ones, and what their answers must keep to.

Each request's effects are undone, so that all of them meet the same data. A refusal that the
schema lists (403, 404, 409 among them) is an answer like any other.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import hypothesis
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import Api

# What is accepted although the schema has no room for it, and why.
ACCEPTED: Final = {
    "GET /api/filter-lists/": "what is not cut into pages does not look at their parameters",
}
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
SETTINGS: Final = hypothesis.settings(
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
# What a request would have to know to get beyond "not found".
IDS: Final = {
    "branch_id": "branch",
    "group_id": "filter_group",
    "invitation_id": "invitation",
    "list_id": "filter_list",
    "request_id": "join_request",
    "role_id": "role",
    "token_id": "token",
    "user_id": "user",
    "worktime_id": "worktime",
}


def load_schema(document: dict[str, Any]) -> Any:
    """Return schemathesis's view of a schema, to be sent to the application in this process."""
    schema = schemathesis.openapi.from_dict(document)
    schema.app = read_whole(get_wsgi_application())
    return schema


def read_whole(application: Any) -> Any:
    """Return a WSGI application that reads and closes each answer, as a server does."""

    def app(environ: Any, start: Any) -> list[bytes]:
        answer = application(environ, start)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return app


def generate_document() -> dict[str, Any]:
    """Return the schema as it is generated now."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    # Who calls is decided here; the generator would try wrong tokens.
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
    return document


def operations() -> dict[str, Any]:
    """Return all operations of the schema by their names."""
    found = [each.ok() for each in load_schema(generate_document()).get_all_operations()]
    return {f"{each.method.upper()} {each.path}": each for each in found}


def explore(
    operation: Any,
    mode: GenerationMode,
    client: Api,
    ids: Mapping[str, int],
    *,
    examples: int,
    seed: int,
) -> list[str]:
    """Send requests as a signed-in browser app; return what was wrong, each thing once."""
    wrong: dict[str, str] = {}

    def send(case: Any, is_known: bool) -> None:
        if mode is GenerationMode.POSITIVE and is_known:
            set_ids(case, ids)
        with undone():
            response = case.call(**signed_in(client))
        for failure in failures(case, response):
            wrong.setdefault(type(failure).__name__, describe(case, failure))

    run = hypothesis.settings(SETTINGS, max_examples=examples)(
        hypothesis.seed(seed)(hypothesis.given(operation.as_strategy(mode), st.booleans())(send))
    )
    # Some operations take nothing that could be wrong.
    with suppress(hypothesis.errors.Unsatisfiable):
        run()
    return list(wrong.values())


def set_ids(case: Any, ids: Mapping[str, int]) -> None:
    """Put ids that exist into a request's path."""
    for name in case.path_parameters or {}:
        if name in IDS:
            case.path_parameters[name] = ids[IDS[name]]


def signed_in(client: Api) -> dict[str, Any]:
    """Return what makes a request one of a client's."""
    cookies = {name: each.value for name, each in client.cookies.items()}
    return {"headers": client.csrf, "cookies": cookies}


def failures(case: Any, response: Any, checks: Any = CHECKS, **options: Any) -> list[Exception]:
    """Return what an answer does not keep to."""
    is_accepted = case.operation.label in ACCEPTED or has_blanks(case.body)
    skipped = [negative_data_rejection] if is_accepted else []
    try:
        case.validate_response(response, checks=checks, excluded_checks=skipped, **options)
    except FailureGroup as group:
        return list(group.exceptions)
    return []


def be_patient() -> None:
    """Let this transaction be idle for as long as it takes to think of requests."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def describe(case: Any, failure: Exception) -> str:
    """Return what was wrong, and how to see it again."""
    return f"{case.operation.label}: {failure}\n{case.as_curl_command()}"


def has_blanks(value: Any) -> bool:
    """Return whether a text begins or ends with blanks: they are stripped before it is counted."""
    if isinstance(value, dict):
        return any(map(has_blanks, value.values()))
    if isinstance(value, list):
        return any(map(has_blanks, value))
    return isinstance(value, str) and value != value.strip()


@contextmanager
def undone() -> Iterator[None]:
    """Undo what the block writes; the request inside believes to be alone."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        block: Any = transaction.atomic()
        block._from_testcase = True  # as TestCase's own: @write begins inside it
        with block:
            yield
            transaction.set_rollback(True)
    finally:
        for signal in signals:
            signal.connect(close_old_connections)
        cache.clear()
