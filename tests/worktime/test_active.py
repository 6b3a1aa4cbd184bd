"""GET /api/worktime/active/ from the cache: never older than the last write."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.conftest import Api
from tests.worktime.records import hours_ago, work
from worktime.cache import active_worktimes
from worktime.services.limits import stop_at_limit

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVE = "/api/worktime/active/"


def active(api: type[Api], user: User) -> Any:
    return api(user).get(ACTIVE).json()["worktime"]


def test_it_is_the_record(api: type[Api], alice: User) -> None:
    started = api(alice).post_json("/api/worktime/start/", {"notes": "x"}).json()
    assert active(api, alice) == active(api, alice) == started


def test_a_warm_answer_asks_no_table(alice: User) -> None:
    work(alice, *hours_ago(1))
    first = active_worktimes.get(alice.id)
    with CaptureQueriesContext(connection) as queries:
        assert active_worktimes.get(alice.id) == first
    assert len(queries) == 0


def test_that_nothing_runs_is_kept_too(alice: User) -> None:
    assert active_worktimes.get(alice.id) is None
    with CaptureQueriesContext(connection) as queries:
        assert active_worktimes.get(alice.id) is None
    assert len(queries) == 0


def change(api: type[Api], user: User, *, lead: User) -> None:
    path = f"/api/worktime/{active(api, user)['id']}/"
    assert api(lead).send("PATCH", path, {"notes": "changed"}).status_code == 200


def autostop(api: type[Api], user: User, *, lead: User) -> None:
    organization = user.role_assignments.get().role.organization
    organization.daily_limit = "enforce"
    organization.save()
    User.objects.filter(pk=user.pk).update(normal_working_hours=0)
    assert stop_at_limit(worktime_id=active(api, user)["id"])


def delete(api: type[Api], user: User, *, lead: User) -> None:
    path = f"/api/worktime/{active(api, user)['id']}/?reason=x"
    assert api(lead).send("DELETE", path).status_code == 204


def stop(api: type[Api], user: User, *, lead: User) -> None:
    assert api(user).post_json("/api/worktime/stop/").status_code == 200


def stop_by_lead(api: type[Api], user: User, *, lead: User) -> None:
    body = {"user": user.id}
    assert api(lead).post_json("/api/team-worktime/stop/", body).status_code == 200


def deactivate(api: type[Api], user: User, *, lead: User) -> None:
    admin = User.objects.get(username="ada")
    response = api(admin).send("PATCH", f"/api/users/{user.id}/", {"is_active": False})
    assert response.status_code == 200


@pytest.mark.parametrize("act", [autostop, delete, stop, stop_by_lead, deactivate])
def test_what_ends_a_record_is_seen_at_once(
    api: type[Api], alice: User, bob: User, act: Callable[..., None]
) -> None:
    api(alice).post_json("/api/worktime/start/")
    assert active(api, alice) is not None
    act(api, alice, lead=bob)
    assert active_worktimes.get(alice.id) is None


def test_a_change_is_seen_at_once(api: type[Api], alice: User, bob: User) -> None:
    api(alice).post_json("/api/worktime/start/")
    assert active(api, alice)["notes"] == ""
    change(api, alice, lead=bob)
    assert active(api, alice)["notes"] == "changed"
    assert active(api, alice)["edited_by"]["username"] == "bob"
