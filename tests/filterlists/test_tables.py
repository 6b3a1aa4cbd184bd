"""What can be filtered (/api/filter-lists/tables/), and one's look of it (/api/table-settings/)."""

from typing import Any

import jsonschema
import pytest

from accounts.models import User
from organizations.models import Organization
from tests.conftest import Api

TABLES = "/api/filter-lists/tables/"
SETTINGS = "/api/table-settings/worktime/"
LOOK: dict[str, Any] = {
    "column_order": ["started_at", "user"],
    "hidden_columns": ["notes"],
    "view_mode": "cards",
    "sort": "-started_at",
}


def described(client: Api) -> dict[str, dict[str, Any]]:
    return {table["name"]: table for table in client.get(TABLES).json()}


def test_a_form_can_be_built(api: type[Api], ada: User, nordwind: Organization) -> None:
    tables = described(api(ada))
    assert set(tables) == {
        "branches",
        "invitations",
        "join_requests",
        "revisions",
        "roles",
        "users",
        "worktime",
    }
    columns = {column["name"]: column for column in tables["worktime"]["columns"]}
    assert columns["source"]["choices"][0] == {"value": "live", "name": "Live"}
    assert columns["user"]["listed_at"] == "/api/users/"
    assert columns["user"]["relative_values"] == ["@me"]
    assert "@this_fortnight" in columns["started_at"]["relative_values"]
    assert columns["ended_at"]["operators"][-2:] == ["is_empty", "is_not_empty"]
    assert "is_empty" not in columns["started_at"]["operators"]
    assert "started_at" in tables["worktime"]["sortable"]
    assert tables["worktime"]["groups"] == ["people", "roles"]


def test_the_schema_is_for_clients_to_check_with(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    for table in described(api(ada)).values():
        schema = jsonschema.Draft202012Validator(table["schema"])
        for each in table["standard_lists"]:
            schema.validate({"conditions": each["conditions"], "operators": each["operators"]})
        wrong = {"conditions": [{"column": "password", "operator": "equals", "value": "x"}]}
        assert not schema.is_valid(wrong)


def test_it_shows_what_the_role_may_filter(api: type[Api], alice: User, ada: User) -> None:
    def names(client: Api) -> set[str]:
        return {column["name"] for column in described(client)["users"]["columns"]}

    assert names(api(ada)) - names(api(alice)) == {"birthday"}
    assert set(described(api(ada))) - set(described(api(alice))) == {
        "invitations",
        "join_requests",
    }


def test_settings(api: type[Api], alice: User, bob: User) -> None:
    client = api(alice)
    defaults = {"column_order": [], "hidden_columns": [], "view_mode": "table", "sort": ""}
    assert client.get(SETTINGS).json() == defaults
    assert client.send("PUT", SETTINGS, LOOK).json() == LOOK
    assert client.send("PUT", SETTINGS, LOOK).json() == LOOK
    assert client.get(SETTINGS).json() == LOOK
    assert api(bob).get(SETTINGS).json() == defaults
    assert client.get("/api/table-settings/users/").json() == defaults
    assert client.get("/api/table-settings/secrets/").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("column_order", ["x" * 51]),
        ("column_order", ["a b"]),
        ("column_order", ["a"] * 101),
        ("column_order", "a"),
        ("hidden_columns", [1.5, None]),
        ("hidden_columns", None),
        ("view_mode", "map"),
        ("sort", "password"),
        ("sort", "--started_at"),
    ],
)
def test_wrong_settings(api: type[Api], alice: User, field: str, value: Any) -> None:
    response = api(alice).send("PUT", SETTINGS, {**LOOK, field: value})
    assert response.status_code == 400
    assert all(error["field"].startswith(field) for error in response.json()["errors"])
