"""ETags: 304 for what one has already, 412 for a change of what one has not seen."""

from functools import partial
from typing import Any

import pytest

from accounts.models import User
from tests.api.test_table import fill
from tests.api.world import World, make_world
from tests.conftest import Api
from tests.race import at_once

# Route, what PATCH or PUT changes, and what else may.
CHANGES: dict[str, tuple[str, Any, Any]] = {
    "/api/me/profile/": ("PATCH", {"first_name": "A"}, {"first_name": "B"}),
    "/api/me/bank-details/": ("PUT", {"bank_details": "A"}, {"bank_details": "B"}),
    "/api/me/settings/": ("PATCH", {"dark_mode": True}, {"sidebar_collapsed": True}),
    "/api/organizations/current/": ("PATCH", {"display_name": "A"}, {"display_name": "B"}),
    "/api/organizations/current/settings/": ("PATCH", {"a": 1}, {"a": 2}),
    "/api/branches/{branch}/": ("PATCH", {"city": "A"}, {"city": "B"}),
    "/api/roles/{role}/": ("PATCH", {"description": "A"}, {"description": "B"}),
    "/api/users/{user}/": ("PATCH", {"first_name": "A"}, {"first_name": "B"}),
    "/api/worktime/{worktime}/": (
        "PATCH",
        {"notes": "A", "reason": "x"},
        {"notes": "B", "reason": "x"},
    ),
    "/api/filter-lists/{filter_list}/": ("PATCH", {"name": "A"}, {"name": "B"}),
    "/api/table-settings/worktime/": (
        "PUT",
        {"column_order": ["notes"], "hidden_columns": [], "view_mode": "cards", "sort": ""},
        {"column_order": [], "hidden_columns": ["notes"], "view_mode": "table", "sort": ""},
    ),
}
DELETED = (
    "/api/branches/{spare_branch}/",
    "/api/roles/{spare_role}/",
    "/api/worktime/{worktime}/?reason=x",
    "/api/filter-lists/{filter_list}/",
)


@pytest.fixture
def world(db: None) -> World:
    return make_world("nordwind")


@pytest.mark.parametrize("template", CHANGES)
def test_it_works(world: World, template: str) -> None:
    method, change, _ = CHANGES[template]
    path, client = fill(template, world.ids), Api(world.admin)
    first = client.get(path)
    etag = first["ETag"]
    assert etag.startswith('"'), "strong"
    assert first["Cache-Control"] == "private, no-cache"
    again = client.get(path, headers={"If-None-Match": f'"x", {etag}'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert client.send(method, path, change, **{"If-Match": etag}).status_code == 200
    after = client.get(path, headers={"If-None-Match": etag})
    assert after.status_code == 200
    assert after["ETag"] != etag


@pytest.mark.parametrize("template", CHANGES)
def test_a_change_of_what_one_has_not_seen(world: World, template: str) -> None:
    method, theirs, mine = CHANGES[template]
    path, client = fill(template, world.ids), Api(world.admin)
    etag = client.get(path)["ETag"]
    assert client.send(method, path, theirs).status_code == 200
    before = client.get(path).content
    response = client.send(method, path, mine, **{"If-Match": etag})
    assert (response.status_code, response.json()["code"]) == (412, "changed_meanwhile")
    assert client.get(path).content == before
    assert client.send(method, path, mine, **{"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("template", DELETED)
def test_deleting(world: World, template: str) -> None:
    path, client = fill(template, world.ids), Api(world.admin)
    etag = client.get(path)["ETag"]
    response = client.send("DELETE", path, **{"If-Match": '"other"'})
    assert response.status_code == 412
    assert client.send("DELETE", path, **{"If-Match": etag}).status_code == 204
    assert client.send("DELETE", path, **{"If-Match": etag}).status_code == 404


def test_what_cannot_be_checked_is_not_done(world: World) -> None:
    body = {"branch": world.ids["branch"]}
    response = Api(world.member).send(
        "PUT", "/api/me/active-branch/", body, **{"If-Match": '"anything"'}
    )
    assert response.status_code == 412


def test_lists_and_the_page_have_etags_too(world: World) -> None:
    client = Api(world.admin)
    for path in ("/api/me/", "/api/branches/", "/api/roles/", "/api/filter-lists/tables/"):
        etag = client.get(path)["ETag"]
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 304, path
    assert "ETag" not in client.get("/api/branches/999999/")


def change(rivals: list[Api], etag: str, turn: int, number: int) -> int:
    body = {"display_name": f"{turn} {number}"}
    path = "/api/organizations/current/"
    return int(rivals[number].send("PATCH", path, body, **{"If-Match": etag}).status_code)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("nordwind")
def test_of_those_who_saw_the_same_one_wins(api: type[Api], ada: User) -> None:
    client = api(ada)
    rivals = [api(ada) for _ in range(4)]
    path = "/api/organizations/current/"
    for turn in range(3):
        etag = client.get(path)["ETag"]
        assert sorted(at_once(4, partial(change, rivals, etag, turn))) == [200, 412, 412, 412]


@pytest.mark.django_db(transaction=True)
def test_a_304_of_what_is_cached_takes_no_sql(api: type[Api], alice: User, counting: Any) -> None:
    client = api(alice)
    etag = client.get("/api/me/")["ETag"]
    with counting() as cost:
        response = client.get("/api/me/", headers={"If-None-Match": etag})
    assert (response.status_code, response["X-Cache"]) == (304, "hit")
    assert (cost.sql, len(cost.redis)) == ([], 2)
