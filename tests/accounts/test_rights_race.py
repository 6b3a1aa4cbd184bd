"""Whoever takes a right away and a write that depends on it have an order."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts import rights
from accounts.models import Role, RoleAssignment, User
from organizations.models import Branch, Organization
from tests.conftest import Api
from tests.race import at_once
from worktime.models import WorkTime

pytestmark = pytest.mark.django_db(transaction=True)

START = "/api/worktime/start/"


def until_answered(ask: Callable[[], Any]) -> Any:
    """Ask until it is no 503, as clients do."""
    for _ in range(50):
        answer = ask()
        if answer.status_code != 503:
            return answer
    raise AssertionError(answer.content)


def test_nobody_who_is_deactivated_meanwhile_is_left_at_work(
    api: type[Api],
    ada: User,
    nordwind: Organization,
    hamburg: Branch,
    hire: Callable[..., User],
) -> None:
    people = [hire(f"p{number}", nordwind, "Member", hamburg) for number in range(30)]
    admin, clients = api(ada), [api(each) for each in people]

    def act(number: int) -> int:
        who = number // 2
        if number % 2:
            ask = lambda: clients[who].post_json(START)  # noqa: E731
        else:
            path = f"/api/users/{people[who].id}/"
            ask = lambda: admin.send("PATCH", path, {"is_active": False})  # noqa: E731
        status: int = until_answered(ask).status_code
        return status

    statuses = at_once(60, act)
    assert set(statuses[::2]) == {200}
    assert set(statuses[1::2]) <= {201, 401}
    assert not User.objects.filter(pk__in=[each.pk for each in people], is_active=True).exists()
    assert not WorkTime.objects.running().exists()
    assert WorkTime.objects.count() == statuses.count(201)


def test_a_demoted_admin_does_not_make_himself_admin_again(
    api: type[Api], ada: User, bob: User, nordwind: Organization
) -> None:
    admin = Role.objects.get(organization=nordwind, name="Admin")
    member = Role.objects.get(organization=nordwind, name="Member")
    RoleAssignment.objects.filter(user=bob).update(role=admin)
    by_ada, by_bob = api(ada), api(bob)
    path = f"/api/users/{bob.id}/roles/"
    for _ in range(10):
        RoleAssignment.objects.filter(user=bob).update(role=admin)
        RoleAssignment.objects.get(user=bob).save()  # tells the caches
        demoted, again = at_once(
            2,
            lambda number: (
                until_answered(
                    lambda: (by_bob if number else by_ada).send(
                        "PUT", path, {"roles": [admin.id if number else member.id]}
                    )
                ).status_code
            ),
        )
        # Bob's request changes nothing, or it comes too late and is refused.
        assert (demoted, again) in {(200, 200), (200, 403), (200, 404)}
        assert RoleAssignment.objects.get(user=bob).role_id == member.id


class Pause:
    """Stops the first write right after its rights were confirmed, before COMMIT."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_confirmed, self.may_commit = threading.Event(), threading.Event()
        self._require = rights.require
        monkeypatch.setattr(rights, "require", self._pause)

    def _pause(self, *args: Any) -> None:
        self._require(*args)
        if not self.is_confirmed.is_set():
            self.is_confirmed.set()
            assert self.may_commit.wait(10)


def take_away_person(user: User) -> tuple[str, str, Any]:
    return "PATCH", f"/api/users/{user.id}/", {"is_active": False}


def take_away_role(user: User) -> tuple[str, str, Any]:
    return "PUT", f"/api/users/{user.id}/roles/", {"roles": []}


def take_away_permission(user: User) -> tuple[str, str, Any]:
    role = user.role_assignments.get().role
    return "PATCH", f"/api/roles/{role.id}/", {"permissions": {"worktime": "none"}}


@pytest.mark.parametrize("take", [take_away_person, take_away_role, take_away_permission])
def test_taking_away_waits_for_a_write_that_was_confirmed(
    api: type[Api],
    ada: User,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    take: Callable[[User], tuple[str, str, Any]],
) -> None:
    answers: dict[str, int] = {}
    by_alice, by_ada = api(alice), api(ada)
    method, path, body = take(alice)
    pause = Pause(monkeypatch)

    def write() -> None:
        answers["write"] = by_alice.send(
            "PATCH", "/api/me/settings/", {"dark_mode": True}
        ).status_code
        connection.close()

    def take_away() -> None:
        answers["taken"] = by_ada.send(method, path, body).status_code
        connection.close()

    writer, taker = threading.Thread(target=write), threading.Thread(target=take_away)
    writer.start()
    assert pause.is_confirmed.wait(10)
    taker.start()
    taker.join(0.3)
    assert "taken" not in answers
    pause.may_commit.set()
    writer.join()
    taker.join()
    assert answers == {"write": 200, "taken": 200}
    assert by_alice.post_json(START).status_code in {401, 403}
