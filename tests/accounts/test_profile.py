"""One's own record, bank details and look: /api/me/profile/, /bank-details/ and /settings/."""

from typing import Any

import pytest

from accounts.models import User, UserSettings
from tests.conftest import Api

PROFILE = "/api/me/profile/"
SETTINGS = "/api/me/settings/"
BANK_DETAILS = "/api/me/bank-details/"


def test_it_works(api: type[Api], alice: User) -> None:
    client = api(alice)
    changes = {
        "first_name": "Alice",
        "phone_number": "+41443211234",
        "language": "de",
        "country": "CH",
        "time_zone": "Europe/Zurich",
        "birthday": "1990-02-03",
    }
    answer = client.send("PATCH", PROFILE, changes).json()
    assert changes.items() <= answer.items()
    assert client.get(PROFILE).json() == answer
    assert client.get("/api/me/").json()["time_zone"] == "Europe/Zurich"
    assert "password" not in answer


def test_what_others_decide_stays(api: type[Api], alice: User) -> None:
    changes = {"username": "eve", "email": "eve@example.org", "normal_working_hours": "1.00"}
    before = api(alice).get(PROFILE).json()
    assert api(alice).send("PATCH", PROFILE, changes).json() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"time_zone": "Europe/Atlantis"},
        {"country": "ch"},
        {"language": "fr"},
        {"phone_number": "044 321 12 34"},
        {"first_name": None},
        {"bank_details": "CH93 0076 2011 6238 5295 7"},
        {"birthday": "yesterday"},
    ],
)
def test_nonsense_names_the_field(api: type[Api], alice: User, changes: dict[str, Any]) -> None:
    response = api(alice).send("PATCH", PROFILE, changes)
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == changes.keys()


def test_bank_details(api: type[Api], db: None) -> None:
    client = api(User.objects.create(username="new"))
    assert client.get(BANK_DETAILS).json() == {"bank_details": ""}
    for text in ("CH93 0076 2011 6238 5295 7", ""):
        details = {"bank_details": text}
        assert client.send("PUT", BANK_DETAILS, details).json() == details
        assert client.get(BANK_DETAILS).json() == details
    assert "bank_details" not in client.get(PROFILE).json()


@pytest.mark.parametrize(
    "details", [{}, {"bank_details": "x" * 501}, {"bank_details": "a\0b"}, {"bank_details": None}]
)
def test_nonsense_for_bank_details(api: type[Api], alice: User, details: dict[str, Any]) -> None:
    response = api(alice).send("PUT", BANK_DETAILS, details)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["bank_details"]


def test_settings(api: type[Api], alice: User) -> None:
    client = api(alice)
    assert client.get(SETTINGS).json() == {"dark_mode": False, "sidebar_collapsed": False}
    dark = {"dark_mode": True, "sidebar_collapsed": False}
    assert client.send("PATCH", SETTINGS, {"dark_mode": True}).json() == dark
    assert client.get(SETTINGS).json() == client.get("/api/me/").json()["settings"] == dark
    assert UserSettings.objects.get().user == alice
