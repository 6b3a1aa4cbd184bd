"""Double clicks and replays: one effect, the same answer."""

from typing import Any

import pytest

from accounts.models import User
from tests.conftest import Api
from tests.race import at_once
from tests.worktime.records import hours_ago, work
from worktime.models import WorkTime, WorkTimeRevision

START = "/api/worktime/start/"
STOP = "/api/worktime/stop/"
KEY = {"Idempotency-Key": "click-1"}


def clicks(client: Api, count: int, path: str, body: Any, **headers: str) -> list[Any]:
    """Send the same request `count` times at once; return the answers."""

    def click(_: int) -> Any:
        copy = Api()
        copy.cookies.update(client.cookies)
        copy.csrf = client.csrf
        return copy.post_json(path, body, **headers)

    return at_once(count, click)


def manual() -> dict[str, str]:
    begin, end = hours_ago(5, 1)
    assert end is not None
    return {"started_at": begin.isoformat(), "ended_at": end.isoformat()}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", [START, "/api/worktime/"])
def test_a_double_click_with_a_key(api: type[Api], alice: User, path: str) -> None:
    body = {} if path == START else manual()
    answers = clicks(api(alice), 6, path, body, **KEY)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert [answer.get("Idempotent-Replayed") for answer in answers].count(None) == 1
    assert WorkTime.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_double_click_without_a_key(api: type[Api], alice: User) -> None:
    starts = clicks(api(alice), 4, START, {})
    assert sorted(answer.status_code for answer in starts) == [201, 409, 409, 409]
    stops = clicks(api(alice), 4, STOP, None)
    assert sorted(answer.json()["already_stopped"] for answer in stops) == [False] + 3 * [True]
    assert len({answer.json()["ended_at"] for answer in stops}) == 1


def test_a_replay_after_the_record_went_on(api: type[Api], alice: User) -> None:
    """The first answer is what counts, whatever happened to the record since."""
    client = api(alice)
    first = client.post_json(START, {}, **KEY)
    client.post_json(STOP)
    again = client.post_json(START, {}, **KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert not WorkTime.objects.running().exists()


def test_a_lead_clicks_twice(api: type[Api], alice: User, bob: User) -> None:
    work(alice, *hours_ago(1))
    client, body = api(bob), {"user": alice.id}
    first = client.post_json("/api/team-worktime/stop/", body, **KEY)
    again = client.post_json("/api/team-worktime/stop/", body, **KEY)
    assert again.content == first.content
    assert WorkTimeRevision.objects.count() == 1
