"""X-Acting-Role: a tab that shows one organisation writes nothing in another."""

from typing import Any

import pytest

from accounts.models import RoleAssignment, User
from config.models import IdempotencyKey
from organizations.models import BranchAssignment, Organization
from tests.accounts.test_tokens import make, send
from tests.api.table import TABLE
from tests.api.test_table import fill
from tests.api.world import World, make_world
from tests.conftest import Api
from worktime.models import WorkTime

START = "/api/worktime/start/"
UNSAFE = [row for row in TABLE if row.method != "GET"]


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@pytest.fixture
def both(alice: User, charlie: User) -> list[int]:
    """Alice belongs to Nordwind, where she acts, and to Suedwind; return the ids of her roles."""
    there = charlie.role_assignments.get().role
    RoleAssignment.objects.create(user=alice, role=there)
    BranchAssignment.objects.create(user=alice, branch=charlie.branch_assignments.get().branch)
    return [alice.role_assignments.get(is_active_role=True).role_id, there.id]


def test_it_works(api: type[Api], alice: User, both: list[int]) -> None:
    response = api(alice).post_json(START, **{"X-Acting-Role": str(both[0])})
    assert response.status_code == 201


def test_a_stale_tab(api: type[Api], alice: User, both: list[int]) -> None:
    client = api(alice)
    assert client.send("PUT", "/api/me/active-role/", {"role": both[1]}).status_code == 200
    response = client.post_json(START, **{"X-Acting-Role": str(both[0])})
    assert code(response) == (409, "acting_role_changed")
    assert (response.json()["expected"], response.json()["active"]) == (both[0], both[1])
    assert not WorkTime.objects.exists()
    assert client.post_json(START, **{"X-Acting-Role": str(both[1])}).status_code == 201


def test_without_any_role(api: type[Api], db: None) -> None:
    nobody = User.objects.create(username="nobody")
    response = api(nobody).send(
        "PATCH", "/api/me/settings/", {"dark_mode": True}, **{"X-Acting-Role": "1"}
    )
    assert code(response) == (409, "acting_role_changed")
    assert response.json()["active"] is None


@pytest.mark.parametrize("value", ["", "x", "-1", "+1", "1.0", "٣", "9" * 30])
def test_it_is_an_id(api: type[Api], alice: User, value: str) -> None:
    response = api(alice).post_json(START, **{"X-Acting-Role": value})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "X-Acting-Role"


def test_a_token_has_its_own(api: type[Api], alice: User, both: list[int]) -> None:
    secret = make(api, alice, "write")
    client = api(alice)
    client.send("PUT", "/api/me/active-role/", {"role": both[1]})
    headers = {"Authorization": f"Bearer {secret}"}
    for role, status in zip(both, (201, 409), strict=True):
        WorkTime.objects.all().delete()
        response = Api().post_json(START, **headers, **{"X-Acting-Role": str(role)})
        assert response.status_code == status


def test_every_write_heeds_it(db: None) -> None:
    world: World = make_world("nordwind")
    client = Api(world.admin)
    spare = world.ids["spare_role"]
    for row in UNSAFE:
        answer = client.send(
            row.method,
            fill(row.path, world.ids),
            fill(row.body, world.ids),
            **{"X-Acting-Role": str(spare)},
        )
        assert (str(row), *code(answer)) == (str(row), 409, "acting_role_changed")


def test_a_key_belongs_to_the_role(api: type[Api], alice: User, both: list[int]) -> None:
    client, key = api(alice), {"Idempotency-Key": "k"}
    assert client.post_json(START, **key).status_code == 201
    client.post_json("/api/worktime/stop/")
    client.send("PUT", "/api/me/active-role/", {"role": both[1]})
    response = client.post_json(START, **key)
    assert code(response) == (409, "acting_role_changed")
    assert (response.json()["expected"], response.json()["active"]) == (both[0], both[1])
    assert not WorkTime.objects.running().exists()
    client.send("PUT", "/api/me/active-role/", {"role": both[0]})
    assert client.post_json(START, **key)["Idempotent-Replayed"] == "true"
    assert IdempotencyKey.objects.get().acting_role == both[0]


def test_founding_is_repeated_in_the_role_that_it_gave(
    api: type[Api], alice: User, both: list[int]
) -> None:
    client = api(alice)

    def ask() -> Any:
        body = {"name": "new", "display_name": "New"}
        return client.post_json("/api/organizations/", body, **{"Idempotency-Key": "k"})

    first, again = ask(), ask()
    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotent-Replayed"] == "true"
    assert alice.role_assignments.get(is_active_role=True).role.organization.name == "new"


def test_a_program_does_not_move_its_owners_browser(
    api: type[Api], alice: User, both: list[int]
) -> None:
    secret = make(api, alice, "write")
    body = b'{"name": "new", "display_name": "New"}'
    assert send("POST", "/api/organizations/", secret, body).status_code == 201
    assert alice.role_assignments.get(is_active_role=True).role_id == both[0]
    assert alice.branch_assignments.get(is_active_branch=True).branch.name == "Hamburg"
    assert Organization.objects.get(name="new").roles.filter(assignments__user=alice).exists()


def test_a_kiosk_sees_and_stops_its_own_organisation_only(
    api: type[Api], alice: User, both: list[int]
) -> None:
    kiosk = make(api, alice, "worktime:clock")
    client = api(alice)
    assert send("POST", START, kiosk).status_code == 201
    assert send("POST", "/api/worktime/stop/", kiosk).json()["already_stopped"] is False
    client.send("PUT", "/api/me/active-role/", {"role": both[1]})
    elsewhere = client.post_json(START).json()["id"]
    assert send("GET", "/api/worktime/active/", kiosk).json() == {"worktime": None}
    stopped = send("POST", "/api/worktime/stop/", kiosk).json()
    assert (stopped["already_stopped"], stopped["id"] == elsewhere) == (True, False)
    refused = send("POST", START, kiosk)
    assert code(refused) == (409, "already_clocked_in")
    assert "worktime" not in refused.json()
    assert client.get("/api/worktime/active/").json()["worktime"]["id"] == elsewhere


def test_a_kiosk_that_never_clocked_in(api: type[Api], alice: User, both: list[int]) -> None:
    client = api(alice)
    kiosk = make(api, alice, "worktime:clock")
    client.send("PUT", "/api/me/active-role/", {"role": both[1]})
    client.post_json(START)
    assert code(send("POST", "/api/worktime/stop/", kiosk)) == (404, "never_clocked_in")
    assert WorkTime.objects.running().count() == 1
