"""Redis or the database away while people are at work: nobody is logged out, nobody is lied to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection

from accounts.models import User, UserSettings
from config.cache import entry, freshness, reads
from config.db.errors import DatabaseUnavailable
from config.db.pool import PoolGroup
from config.dev.servers import Valkey
from tests.accounts.browser import PASSWORD, Browser
from tests.cache.conftest import Clock
from tests.conftest import Api
from tests.pages.other import Other
from worktime.models import WorkTime

pytestmark = pytest.mark.django_db(transaction=True)
ME, PAGE = "/api/me/", "/api/page/?table=worktime"


@contextmanager
def load(*users: User) -> Iterator[list[tuple[str, int]]]:
    """Have people read and write all the time; yields (request, status) as they come."""
    answers: list[tuple[str, int]] = []
    stop = threading.Event()

    def work(client: Api) -> None:
        try:
            while not stop.is_set():
                for method, path in (("GET", PAGE), ("GET", ME), ("PATCH", "/api/me/settings/")):
                    body = {"dark_mode": True} if method == "PATCH" else None
                    answers.append(
                        (f"{method} {path}", client.send(method, path, body).status_code)
                    )
        except Exception as error:
            answers.append((repr(error), 500))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(Api(user),)) for user in users]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def hits() -> int:
    return sum(cache.counts["hits"] for cache in reads._caches.values())


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_redis_away_under_load(
    valkey: Valkey, alice: User, bob: User, ada: User, fault: str
) -> None:
    with load(alice, bob, ada) as answers:
        sleep(0.5)
        getattr(valkey, fault)()
        sleep(1.0)
        before = len(answers)
        assert before
        valkey.start() if fault == "kill" else valkey.resume()
        back, known = monotonic(), hits()
        while hits() < known + 10:
            assert monotonic() - back < 2.0
            sleep(0.01)
        sleep(0.3)
    assert len(answers) > before
    assert {status for _, status in answers} == {200}


def test_a_log_out_while_redis_is_away_holds_afterwards(valkey: Valkey, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    browser = Browser()
    browser.log_in()
    key = browser.cookies["sessionid"].value
    copy = Api()
    copy.cookies["sessionid"] = key
    with Other(connection.settings_dict["NAME"], REDIS_URL=valkey.url()) as other:
        assert other.get(ME, session=key)[0] == 200
        assert copy.get(ME).status_code == 200
        valkey.pause()
        assert browser.auth("DELETE", "auth/session").status_code == 401
        assert copy.get(ME).status_code == 401
        assert other.get(ME, session=key)[0] == 401
        valkey.resume()
        back = monotonic()
        while other.get(ME, session=key)[0] != 401:
            assert monotonic() - back < 2.0
        for _ in range(20):
            assert copy.get(ME).status_code == 401
            assert other.get(ME, session=key)[0] == 401
            sleep(0.05)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (entry, freshness, reads):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Takes the database away, or gives it back."""
    checkout = PoolGroup.checkout

    def refuse(*arguments: Any) -> Any:
        raise DatabaseUnavailable("away")

    def switch(is_away: bool) -> None:
        monkeypatch.setattr(PoolGroup, "checkout", refuse if is_away else checkout)

    return switch


SEEN = (
    ME,
    "/api/me/settings/",
    "/api/me/branches/",
    "/api/organizations/current/",
    "/api/worktime/active/",
    "/api/worktime/stats/",
    "/api/filter-lists/?table=worktime",
    PAGE,
)


def test_database_away(
    api: type[Api], alice: User, bob: User, clock: Clock, away: Callable[[bool], None]
) -> None:
    known, unknown = api(alice), api(bob)
    seen = {path: known.get(path).json() for path in SEEN}
    away(True)
    assert {path: known.get(path)["X-Cache"] for path in SEEN if "active" not in path} == {
        path: "hit" for path in SEEN if "active" not in path
    }
    clock.later(301.0)
    for path in SEEN:
        response = known.get(path)
        assert (response.status_code, response["X-Cache"]) == (200, "stale"), path
        assert response["X-Data-As-Of"].startswith("2023-11-14T22:13:20"), path
        if "stats" not in path and path != PAGE:
            assert response.json() == seen[path], path
    parts = known.get(PAGE).json()
    assert not any("error" in part for part in parts.values())
    for path in SEEN:
        assert unknown.get(path).status_code == 503
    assert known.get("/api/me/profile/").status_code == 503, "never cached"
    assert known.get("/api/worktime/").status_code == 503
    for method, path, body in (
        ("POST", "/api/worktime/start/", None),
        ("PATCH", "/api/me/settings/", {"dark_mode": True}),
    ):
        response = known.send(method, path, body)
        assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
        assert "Retry-After" in response
    clock.later(58.9)
    assert known.get(ME)["X-Cache"] == "stale"
    clock.later(0.2)
    for path in SEEN:
        assert known.get(path).status_code == 503, "who may do what is not known any more"
    away(False)
    assert known.get(ME).json() == seen[ME]
    assert known.get(ME)["X-Cache"] == "hit"
    assert not WorkTime.objects.exists()


def test_what_changed_is_not_told_as_it_was(
    api: type[Api], alice: User, clock: Clock, away: Callable[[bool], None]
) -> None:
    client = api(alice)
    client.get("/api/me/settings/")
    client.send("PATCH", "/api/me/settings/", {"dark_mode": True})
    away(True)
    assert client.get("/api/me/settings/").status_code == 503
    away(False)
    assert UserSettings.objects.get(user=alice).dark_mode is True
    assert client.get("/api/me/settings/").json()["dark_mode"] is True
