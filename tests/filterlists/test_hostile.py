"""Whatever JSON is sent as a filter: rows or a 400, never a fault, and quickly."""

import json
import random
from datetime import UTC, datetime
from time import thread_time
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from config.api.tables import (
    Asker,
    InvalidFilter,
    Operator,
    all_tables,
    filter_schema,
    parse_filter,
)
from config.api.tables.filters import load_document
from organizations.tables import USERS
from tests.conftest import Api
from tests.filterlists.documents import documents
from worktime.models import WorkTime
from worktime.tables import WORKTIME

NOBODY = Asker(
    user_id=1,
    organization_id=1,
    role_id=1,
    branch_id=lambda: None,
    writes_all=frozenset({"users"}),
    zone=ZoneInfo("UTC"),
    now=datetime(2026, 3, 2, tzinfo=UTC),
)
NAMES = [column.name for column in WORKTIME.columns]

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["@me", "@today", "@today-7", "2026-03-01", *NAMES, *Operator]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
# Mostly shaped like a filter, so that every check is reached.
near_conditions = st.fixed_dictionaries(
    {},
    optional={
        "column": st.sampled_from(NAMES) | anything,
        "operator": st.sampled_from([str(each) for each in Operator]) | anything,
        "value": anything,
        "extra": anything,
    },
)
near_documents = st.fixed_dictionaries(
    {"conditions": st.lists(near_conditions, max_size=4) | anything},
    optional={"operators": st.lists(st.sampled_from(["AND", "OR"]), max_size=3) | anything},
)


VALUES: dict[str, list[Any]] = {
    "column": NAMES * 3,
    "operator": [str(each) for each in Operator] * 2,
    "value": ["@me", "@today-7", "x", 7, True, None, [1, 2], ["2026-03-01"] * 2, "live"] * 4,
    "extra": [None],
}


def outcome(text: str) -> str:
    """Return what becomes of a document, and fail if its validation takes long."""
    began, wanted = thread_time(), None
    try:
        wanted = parse_filter(WORKTIME, *load_document(text, "conditions"), NOBODY)
    except InvalidFilter as refusal:
        # An answer's JSON is UTF-8.
        json.dumps(refusal.extra, ensure_ascii=False).encode()
    assert thread_time() - began < 0.1, text
    if wanted is None:
        return "400"
    assert WorkTime.objects.filter(wanted.q(NOBODY)).count() <= 1
    return "rows"


@given(st.lists(near_documents | anything, min_size=10, max_size=20), st.integers(0, 2**32))
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
def test_ten_thousand_random_documents(one_record: WorkTime, drawn: list[Any], seed: int) -> None:
    """20 draws, each recombined into 500 documents: drawing all of them would take a minute."""
    chance = random.Random(seed)
    outcomes = {outcome(json.dumps(each)) for each in drawn}
    for _ in range(500):
        conditions = [
            {
                key: chance.choice([*VALUES[key], *drawn])
                for key in chance.sample(list(VALUES), chance.choice([2, 3, 3, 3, 4]))
            }
            for _ in range(chance.randint(0, 4))
        ]
        gaps = [chance.choice(["AND", "OR"]) for _ in conditions[1:]]
        document = {"conditions": conditions, "operators": chance.choice([gaps, gaps, gaps, []])}
        outcomes.add(outcome(json.dumps(document)))
    assert outcomes == {"rows", "400"}


@given(documents(USERS, {}))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_accepted_fits_the_published_schema(document: dict[str, Any]) -> None:
    parse_filter(USERS, **document, asker=NOBODY)
    # JSON Schema has no `nullable`; the word is OpenAPI's.
    jsonschema.Draft202012Validator(filter_schema(USERS)).validate(document)


@pytest.mark.parametrize("name", list(all_tables()))
def test_standard_lists_are_valid(name: str) -> None:
    table = all_tables()[name]
    jsonschema.Draft202012Validator.check_schema(filter_schema(table))
    for each in table.standard_lists:
        parse_filter(table, list(each.conditions), list(each.operators), NOBODY)


INJECTIONS = [
    "'; DROP TABLE worktime_worktime; --",
    "' OR '1'='1",
    "%' OR 1=1 --",
    "\\' OR 1=1 --",
    "$$; SELECT pg_sleep(9); $$",
    "%s %(x)s {} {0} %%",
    "\\",
    "%",
    "_",
    "E'\\x27'",
    "'||(SELECT password FROM accounts_user LIMIT 1)||'",
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("operator", ["equals", "contains", "starts_with", "ends_with", "in"])
def test_injections_are_text(
    one_record: WorkTime, alice: User, api: type[Api], operator: str, text: str
) -> None:
    value = [text] if operator == "in" else text
    document = {"conditions": [{"column": "notes", "operator": operator, "value": value}]}
    client = api(alice)
    assert rows(client, document) == []
    WorkTime.objects.update(notes=text)
    assert rows(client, document) == [one_record.pk]


@pytest.fixture
def one_record(alice: User) -> WorkTime:
    branch = alice.branch_assignments.get().branch
    return WorkTime.objects.create(
        user=alice,
        organization=branch.organization,
        branch=branch,
        started_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
        time_zone="UTC",
        notes="nothing special",
    )


def rows(client: Api, document: dict[str, Any]) -> list[int]:
    response = client.get("/api/worktime/", {"conditions": json.dumps(document)})
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


@pytest.mark.parametrize("text", INJECTIONS)
def test_injections_as_names(alice: User, api: type[Api], text: str) -> None:
    for member in ("column", "operator"):
        condition = {"column": "notes", "operator": "equals", "value": "x", member: text}
        document = json.dumps({"conditions": [condition]})
        assert outcome(document) == "400"


def test_the_largest_filters_run(one_record: WorkTime, alice: User, api: type[Api]) -> None:
    """50 conditions, and 16 KiB of values, also of deep and long ones."""
    widest = [{"column": "notes", "operator": "contains", "value": f"x{n}"} for n in range(50)]
    many = [{"column": "user", "operator": "in", "value": list(range(1, 101))} for _ in range(25)]
    client = api(alice)
    for conditions in (widest, many):
        for connector in ("AND", "OR"):
            gaps = [connector] * (len(conditions) - 1)
            document = {"conditions": conditions, "operators": gaps}
            assert len(json.dumps(document)) < 16 * 1024
            assert len(rows(client, document)) <= 1
    for hostile in ("[" * 8000 + "]" * 8000, "9" * 16000, '"' + "\\u0000" * 2600 + '"', "1e999999"):
        document_text = (
            f'{{"conditions": [{{"column": "notes", "operator": "equals", "value": {hostile}}}]}}'
        )
        assert outcome(document_text) == "400"
        assert client.get("/api/worktime/", {"conditions": document_text}).status_code == 400
        body = f'{{"table": "worktime", "name": "x", {document_text[1:]}'
        saved = client.post_json("/api/filter-lists/", body)
        assert saved.status_code == 400, saved.content
