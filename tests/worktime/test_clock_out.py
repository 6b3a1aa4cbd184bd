"""POST /api/worktime/stop/ and GET /api/worktime/active/: about the person, whatever the role."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from accounts.models import User
from tests.conftest import Api
from worktime.models import WorkTime

STOP = "/api/worktime/stop/"
ACTIVE = "/api/worktime/active/"


def test_it_works(api: type[Api], alice: User) -> None:
    client = api(alice)
    started = client.post_json("/api/worktime/start/").json()
    response = client.post_json(STOP)
    assert response.status_code == 200
    body = response.json()
    assert (body["id"], body["already_stopped"]) == (started["id"], False)
    worked = datetime.fromisoformat(body["ended_at"]) - datetime.fromisoformat(body["started_at"])
    assert worked.total_seconds() == body["duration_seconds"] > 0
    assert client.get(ACTIVE).json() == {"worktime": None}


def test_again_returns_the_stopped_record(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json("/api/worktime/start/")
    first = client.post_json(STOP).json()
    again = client.post_json(STOP)
    assert again.status_code == 200
    assert again.json() == {**first, "already_stopped": True}


def test_who_never_worked(api: type[Api], alice: User) -> None:
    response = api(alice).post_json(STOP)
    assert (response.status_code, response.json()["code"]) == (404, "never_clocked_in")


def test_active_shows_the_running_record(api: type[Api], alice: User) -> None:
    client = api(alice)
    started = client.post_json("/api/worktime/start/").json()
    assert client.get(ACTIVE).json() == {"worktime": started}


def test_without_a_role_one_can_still_stop(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json("/api/worktime/start/")
    alice.role_assignments.all().delete()
    assert client.get(ACTIVE).json()["worktime"] is not None
    assert client.post_json(STOP).status_code == 200
    assert not WorkTime.objects.running().exists()


def test_others_are_not_touched(api: type[Api], alice: User, bob: User) -> None:
    api(bob).post_json("/api/worktime/start/")
    client = api(alice)
    assert client.get(ACTIVE).json() == {"worktime": None}
    assert client.post_json(STOP).status_code == 404
    assert WorkTime.objects.running().filter(user=bob).exists()


def test_query_counts(
    api: type[Api], alice: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    client = api(alice)
    client.post_json("/api/worktime/start/")
    with django_assert_num_queries(5):
        client.get(ACTIVE)
    with django_assert_num_queries(11):  # two are the test's own savepoint
        client.post_json(STOP)
