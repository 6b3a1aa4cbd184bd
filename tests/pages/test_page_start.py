"""A page start: no SQL when warm, two round trips to Redis, each read one attempt."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from accounts.models import User
from config.cache import reads, server
from config.db.errors import DatabaseUnavailable, PoolExhausted
from config.db.intent import Intent, use
from config.db.pool import PoolGroup
from organizations.models import Organization
from tests.conftest import Api
from tests.pages.conftest import Counting
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True)

PAGE_START = (
    "/api/me/",
    "/api/me/profile/",
    "/api/me/settings/",
    "/api/me/branches/",
    "/api/organizations/current/",
    "/api/worktime/active/",
    "/api/worktime/stats/",
    "/api/worktime/stats/?month=2026-03",
    "/api/filter-lists/?table=worktime",
    "/api/filter-lists/tables/",
    "/api/filter-groups/?table=worktime",
    "/api/table-settings/worktime/",
    "/api/page/",
    "/api/page/?table=worktime",
)


@pytest.fixture(params=["member", "admin"])
def client(request: Any, api: type[Api], ada: User, alice: User) -> Api:
    client = api(alice if request.param == "member" else ada)
    assert client.post_json("/api/worktime/start/").status_code == 201
    return client


def test_warm_it_takes_no_sql_and_two_round_trips(client: Api, counting: Counting) -> None:
    for path in PAGE_START:
        cold = client.get(path).json()
        with counting() as cost:
            answer = client.get(path)
        assert answer.status_code == 200, path
        assert (cost.sql, len(cost.redis)) == ([], 2), (path, cost)
        assert answer["X-Cache"] == "hit"
        if "stats" not in path and "page" not in path:  # what runs has grown meanwhile
            assert answer.json() == cold


def test_in_a_process_that_does_not_know_yet_it_takes_one_more_for_each_thing_to_learn(
    client: Api, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/api/page/?table=worktime"
    client.get(path)
    for cache in reads._caches.values():
        monkeypatch.setattr(cache, "_hints", {})
    monkeypatch.setattr("accounts.authentication._seen_in", {})
    with counting() as cost:
        client.get(path)
    assert cost.sql == []
    assert len(cost.redis) <= 7, cost.redis
    with counting() as cost:
        client.get(path)
    assert len(cost.redis) == 2


def test_the_page_is_the_single_routes_in_one_answer(client: Api) -> None:
    page = client.get("/api/page/?table=worktime").json()
    for part, path in (
        ("me", "/api/me/"),
        ("branches", "/api/me/branches/"),
        ("organization", "/api/organizations/current/"),
        ("active", "/api/worktime/active/"),
        ("filter_lists", "/api/filter-lists/?table=worktime"),
        ("filter_groups", "/api/filter-groups/?table=worktime"),
        ("table_settings", "/api/table-settings/worktime/"),
    ):
        assert page[part] == client.get(path).json(), part
    assert page["stats"].keys() == client.get("/api/worktime/stats/").json().keys()
    assert page.keys() - client.get("/api/page/").json().keys() == {
        "filter_lists",
        "filter_groups",
        "table_settings",
    }


def test_a_part_that_is_refused_leaves_the_others(
    api: type[Api], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api(alice)
    client.get("/api/page/")

    def refuse(user_id: int) -> Any:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(reads._caches["active worktimes"], "_load", refuse)
    forget("active worktimes")
    page = client.get("/api/page/")
    assert page.status_code == 200
    body = page.json()
    assert body["active"]["error"]["code"] == "database_unavailable"
    assert body["me"]["username"] == "alice"
    assert body["stats"]["worked_seconds"] == 0


def test_without_a_role_the_parts_say_so(api: type[Api], db: None) -> None:
    page = api(User.objects.create(username="new")).get("/api/page/?table=worktime").json()
    assert page["me"]["active_role"] is None
    assert page["active"] == {"worktime": None}
    assert page["branches"] == {"results": []}
    codes = {name: part.get("error", {}).get("code") for name, part in page.items()}
    for part in ("organization", "stats", "filter_lists", "filter_groups", "table_settings"):
        assert codes[part] in {"permission_denied", "no_active_role"}, codes


def test_an_unknown_table(api: type[Api], alice: User) -> None:
    assert api(alice).get("/api/page/?table=nothing").status_code == 400


def test_a_hundred_at_once_load_once(api: type[Api], alice: User) -> None:
    client = api(alice)
    session = client.cookies["sessionid"].value
    before = {cache.name: cache.counts["loads"] for cache in reads._caches.values()}

    def ask(_: int) -> Any:
        browser = api()
        browser.cookies["sessionid"] = session
        return browser.get("/api/page/?table=worktime")

    answers = race(100, ask)
    loads = {cache.name: cache.counts["loads"] for cache in reads._caches.values()}
    assert answers == {(200, ""): 100}
    grown = {name: count - before[name] for name, count in loads.items() if count > before[name]}
    assert set(grown.values()) == {1}, grown
    assert len(grown) >= 7


# The seven reads of the plan: the current user twice, the organisation, four caches.
ROUTES = {
    "/api/me/": "people",
    "/api/me/profile/": "profiles",
    "/api/organizations/current/": "organizations",
}
CACHES: dict[str, Callable[[User, int], Any]] = {
    "organizations": lambda user, organization_id: organization_id,
    "people": lambda user, organization_id: (user.pk, None),
    "active worktimes": lambda user, organization_id: user.pk,
    "saved_filters": lambda user, organization_id: (user.pk, organization_id, "worktime"),
}


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checkouts from the pools, each of which is refused."""
    made: list[str] = []

    def refuse(self: Any, intent: Intent, *arguments: Any) -> Any:
        made.append(intent.value)
        raise PoolExhausted("full")

    monkeypatch.setattr(PoolGroup, "checkout", refuse)
    return made


def forget(name: str) -> None:
    """Empty one cache."""
    client = server._client()
    for key in client.scan_iter(f"*{name}:*"):
        client.delete(key)


@pytest.mark.parametrize("path", ROUTES)
def test_a_route_is_refused_after_one_attempt(
    api: type[Api], alice: User, request: pytest.FixtureRequest, path: str
) -> None:
    client = api(alice)
    assert client.get(path).status_code == 200
    forget(ROUTES[path])
    attempts = request.getfixturevalue("attempts")
    began = monotonic()
    response = client.get(path)
    assert monotonic() - began < 0.5
    assert (response.status_code, response.json()["code"]) == (503, "pool_exhausted")
    assert attempts == ["read"]


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_is_refused_after_one_attempt(
    alice: User, nordwind: Organization, request: pytest.FixtureRequest, name: str
) -> None:
    key = CACHES[name](alice, nordwind.pk)
    attempts = request.getfixturevalue("attempts")
    began = monotonic()
    with use(Intent.READ), pytest.raises(PoolExhausted):
        reads._caches[name].get(key)
    assert monotonic() - began < 0.5
    assert attempts == ["read"]
