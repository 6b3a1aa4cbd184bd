"""The database stopped for real: people keep what they had seen, nobody is told what is not so.

`./run drill away` does it to a running application, with many people and for as long as one likes.
"""

from time import monotonic, sleep
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User, UserSettings
from config.cache import entry, freshness, reads
from config.dev.servers import Postgres
from tests.accounts.browser import PASSWORD, Browser
from tests.api.world import World, make_world
from tests.cache.conftest import Clock
from tests.conftest import Api
from tests.db.conftest import Elsewhere
from worktime.models import WorkTime

ME, SETTINGS, PAGE = "/api/me/", "/api/me/settings/", "/api/page/?table=worktime"
SEEN = (
    ME,
    "/api/me/profile/",
    SETTINGS,
    "/api/me/branches/",
    "/api/organizations/current/",
    "/api/worktime/active/",
    "/api/worktime/stats/",
    "/api/filter-lists/?table=worktime",
    PAGE,
)
GROWS = ("/api/worktime/stats/", PAGE)  # with what runs
# What no cache holds.
UNSEEN = ("/api/me/bank-details/", "/api/worktime/", "/api/branches/")
WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/api/worktime/start/", None),
    ("POST", "/api/worktime/stop/", None),
    ("PATCH", SETTINGS, {"dark_mode": True}),
    ("PUT", "/api/me/bank-details/", {"bank_details": "CH93"}),
    ("DELETE", "/api/me/sessions/", None),
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The caches' time of day: TTLs run out without anybody waiting for it."""
    clock = Clock()
    for module in (entry, freshness, reads):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def server(own_postgres: Postgres, elsewhere: Elsewhere) -> Postgres:
    """The server that the application is on, which nobody else needs."""
    elsewhere(own_postgres.params())
    call_command("migrate", verbosity=0)
    return own_postgres


@pytest.fixture
def world(server: Postgres) -> World:
    return make_world("nordwind")


def is_refused(response: Any) -> bool:
    if response.status_code != 503 or "Retry-After" not in response:
        return False
    problem = response.json()
    assert problem["detail"] == "The database cannot be reached."  # and no word of where it is
    return bool(problem["code"] == "database_unavailable")


def test_it_is_stopped_and_started(server: Postgres, world: World, clock: Clock) -> None:
    known, unknown, changed = Api(world.member), Api(world.lead), Api(world.admin)
    assert known.post_json("/api/worktime/start/").status_code == 201
    seen = {path: known.get(path).json() for path in SEEN}
    assert seen["/api/worktime/active/"]["worktime"]
    changed.get(SETTINGS)
    assert changed.send("PATCH", SETTINGS, {"dark_mode": True}).status_code == 200

    server.stop()
    assert {known.get(path)["X-Cache"] for path in SEEN} == {"hit"}
    clock.later(301.0)
    for path in SEEN:
        response = known.get(path)
        assert (response.status_code, response["X-Cache"]) == (200, "stale"), path
        assert response["X-Data-As-Of"].startswith("2023-11-14T22:13:20"), path
        if path not in GROWS:
            assert response.json() == seen[path], path
    page = known.get(PAGE).json()
    assert page["active"] == seen["/api/worktime/active/"]
    assert not any("error" in part for part in page.values() if isinstance(part, dict))
    for path in SEEN:
        assert is_refused(unknown.get(path)), path
        assert is_refused(changed.get(path)), "what was seen is known to have changed"
    for path in UNSEEN:
        assert is_refused(known.get(path)), path
    for method, path, body in WRITES:
        for client in (known, unknown, changed):
            assert is_refused(client.send(method, path, body)), (method, path)
    assert Browser().log_in(world.member.username, PASSWORD).status_code == 503

    clock.later(58.9)
    assert known.get(ME)["X-Cache"] == "stale"
    clock.later(0.2)
    for path in SEEN:
        assert is_refused(known.get(path)), "who may do what is not known any more"

    server.start()
    began = monotonic()
    while known.get(ME).status_code == 503:
        assert monotonic() - began < 3.0
        sleep(0.02)
    for client in (known, unknown, changed):
        assert {client.get(path).status_code for path in SEEN} == {200}
    assert known.get("/api/worktime/active/").json() == seen["/api/worktime/active/"]
    assert changed.get(SETTINGS).json()["dark_mode"] is True
    # Nothing of what was refused was done.
    assert [each.user_id for each in WorkTime.objects.running()] == [world.member.pk]
    assert [each.user_id for each in UserSettings.objects.filter(dark_mode=True)] == [
        world.admin.pk
    ]
    assert not User.objects.exclude(bank_details="").exists()
