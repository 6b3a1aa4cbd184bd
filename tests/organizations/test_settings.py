"""/api/organizations/current/settings/: the big row that nothing else may touch."""

import json
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from organizations.models import Organization, OrganizationSettings
from tests.conftest import Api

SETTINGS = "/api/organizations/current/settings/"
DEFAULTS = {
    "language": "en",
    "week_start": "monday",
    "fortnight_view": False,
    "require_bank_details": False,
    "daily_limit": "warn",
    "day_rule": "split_at_midnight",
}


def test_defaults(api: type[Api], ada: User, nordwind: Organization) -> None:
    assert api(ada).get(SETTINGS).json() == DEFAULTS


def test_columns_and_data_are_one(api: type[Api], ada: User, nordwind: Organization) -> None:
    client = api(ada)
    changes = {"daily_limit": "enforce", "week_start": "sunday", "color": {"hue": [1, None, "x"]}}
    answer = client.send("PATCH", SETTINGS, changes).json()
    assert answer == {**DEFAULTS, **changes} == client.get(SETTINGS).json()
    nordwind.refresh_from_db()
    assert nordwind.daily_limit == "enforce"
    assert "daily_limit" not in OrganizationSettings.objects.get().data
    assert client.get("/api/me/").json()["active_organization"]["daily_limit"] == "enforce"


def test_null_removes(api: type[Api], ada: User, nordwind: Organization) -> None:
    client = api(ada)
    client.send("PATCH", SETTINGS, {"color": 1, "week_start": "sunday"})
    assert client.send("PATCH", SETTINGS, {"color": None, "week_start": None}).json() == DEFAULTS


def test_for_admins_only(api: type[Api], alice: User, bob: User) -> None:
    for user in (alice, bob):
        assert api(user).get(SETTINGS).status_code == 403
        assert api(user).send("PATCH", SETTINGS, {"a": 1}).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"week_start": "funday"},
        {"daily_limit": None},
        {"require_bank_details": "perhaps"},
        {"x": "a\0b"},
        {"x\0": 1},
        {"x": ["\ud800"]},
        {"x": json.loads("[" * 30 + "]" * 30)},
        [],
        "x",
    ],
)
def test_nonsense(api: type[Api], ada: User, nordwind: Organization, body: Any) -> None:
    assert api(ada).send("PATCH", SETTINGS, json.dumps(body)).status_code == 400
    assert OrganizationSettings.objects.get().data == {}


def test_a_number_that_no_json_has(api: type[Api], ada: User, nordwind: Organization) -> None:
    assert api(ada).send("PATCH", SETTINGS, '{"x": 1e999}').status_code == 400


def test_at_most_256_kib(api: type[Api], ada: User, nordwind: Organization) -> None:
    client = api(ada)
    assert client.send("PATCH", SETTINGS, {"a": "ä" * 64 * 1024}).status_code == 200
    response = client.send("PATCH", SETTINGS, {"b": "ä" * 70 * 1024})
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "too_large"
    assert OrganizationSettings.objects.get().data.keys() == {"a"}


def test_a_row_that_grew_too_big_can_shrink(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE organizations_organizationsettings "
            "SET data = jsonb_build_object('blob', repeat('x', 1000000))"
        )
    client = api(ada)
    assert client.send("PATCH", SETTINGS, {"daily_limit": "off"}).status_code == 200
    assert client.send("PATCH", SETTINGS, {"week_start": "sunday"}).status_code == 400
    answer = client.send("PATCH", SETTINGS, {"blob": None, "week_start": "sunday"})
    assert answer.json() == {**DEFAULTS, "daily_limit": "off", "week_start": "sunday"}
