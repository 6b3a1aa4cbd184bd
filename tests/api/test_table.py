"""Every route, every method, every kind of caller; and a foreign organisation's ids on all."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, resolve

from config.views import unknown_route
from tests.api.table import ACTORS, TABLE, Row
from tests.api.world import World, make_world
from tests.conftest import Api

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Routes of libraries, which have tests of their own.
OTHERS = ("admin/", "accounts/", "api/auth/")


def has_ids(template: object) -> bool:
    """Return whether there is a place for an id in a path or in a body's values."""
    values = template.values() if isinstance(template, dict) else [template]
    return any("{" in str(value) for value in values)


@pytest.fixture
def world(db: None) -> World:
    return make_world("nordwind")


@pytest.fixture
def elsewhere(db: None) -> World:
    return make_world("suedwind")


def client_of(actor: str, world: World, elsewhere: World) -> Client:
    if actor in world.tokens:
        return Client(headers={"Authorization": f"Bearer {world.tokens[actor]}"})
    if actor == "anonymous":
        return Api()
    return Api(elsewhere.admin if actor == "stranger" else getattr(world, actor))


def fill(template: Any, ids: dict[str, int]) -> Any:
    """Return it with ids for their names; a text that is only a name becomes a number."""
    if isinstance(template, dict):
        return {key: fill(value, ids) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, ids) for value in template]
    if not isinstance(template, str):
        return template
    if template.startswith("{") and template.endswith("}"):
        return ids[template[1:-1]]
    return template.format(**ids)


def ask(client: Client, row: Row, path_ids: dict[str, int], body_ids: dict[str, int]) -> Any:
    """Send the row's request."""
    body = b"" if row.method == "GET" else json.dumps(fill(row.body, body_ids)).encode()
    answer = client.generic(
        row.method,
        fill(row.path, path_ids),
        body,
        content_type="application/json",
        headers=getattr(client, "csrf", {}),
    )
    if answer.streaming:
        b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # so that the file is closed
    return answer


@pytest.mark.parametrize("actor", ACTORS)
def test_who_may(world: World, elsewhere: World, actor: str) -> None:
    client = client_of(actor, world, elsewhere)
    answers = {}
    for row in TABLE:
        before = transaction.savepoint()
        answers[str(row)] = ask(client, row, world.ids, world.ids).status_code
        transaction.savepoint_rollback(before)
    column = ACTORS.index(actor)
    assert answers == {str(row): int(row.statuses.split()[column]) for row in TABLE}


def views() -> Iterator[tuple[str, Any]]:
    def walk(resolver: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
        for each in resolver.url_patterns:
            route = f"{prefix}{each.pattern}"
            if not isinstance(each, URLResolver):
                if each.callback is not unknown_route:
                    yield route, each.callback
            elif route not in OTHERS:
                yield from walk(each, route)

    yield from walk(get_resolver())


def test_every_route_has_its_rows() -> None:
    expected = {
        (method, route)
        for route, view in views()
        for method in METHODS
        # Views that are functions are pages to look at.
        if hasattr(getattr(view, "view_class", PageView), method.lower())
    }
    assert {(row.method, route_of(row)) for row in TABLE} == expected


class PageView:
    get = None


def route_of(row: Row) -> str:
    path = re.sub("{[a-z_]+}", "1", row.path).split("?")[0]
    return str(resolve(path).route)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, but those that signing in touches."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.app_label in {"accounts", "organizations", "worktime", "filterlists"}
    }


def test_foreign_ids(world: World, elsewhere: World) -> None:
    """Another organisation's ids are as good as none, for who may do everything here."""
    client = Api(world.admin)
    before = everything()
    answers = {}
    for row in TABLE:
        for ids in (elsewhere.ids, dict.fromkeys(elsewhere.ids, 2**62)):
            if has_ids(row.path):
                answer = ask(client, row, ids, world.ids)
                answers[f"{row}: path"] = (answer.status_code, answer.json()["code"])
            # Asking to join is meant for other organisations.
            if has_ids(row.body) and "organization" not in row.body:
                answer = ask(client, row, world.ids, ids)
                answers[f"{row}: body"] = (answer.status_code, answer.json()["code"])
    refusals = {(404, "not_found"), (400, "invalid")}
    assert {what: got for what, got in answers.items() if got not in refusals} == {}
    assert {answers[what] for what in answers if what.endswith("path")} == {(404, "not_found")}
    assert len(answers) >= 30
    assert everything() == before


def test_other_methods(world: World) -> None:
    client = Api(world.admin)
    answers = {}
    for row in TABLE:
        route = route_of(row)
        known = {other.method for other in TABLE if route_of(other) == route}
        for method in set(METHODS) - known:
            response = client.send(method, fill(row.path, world.ids), {})
            answers[f"{method} {route}"] = response.status_code
    # A page of the admin, which sends others to its log-in whatever they ask.
    assert {what for what, status in answers.items() if status != 405} == {
        f"{method} admin/database/" for method in set(METHODS) - {"GET"}
    }
