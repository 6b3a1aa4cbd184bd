"""What is wrong with a body, a query or an address is told before anyone asks who sent it."""

import json
from typing import Any

import pytest
from django.test import Client, override_settings
from django.test.client import FakePayload
from django.urls import URLResolver, get_resolver

from accounts.models import User
from config.gateway import BROKEN, CHUNKED, CROWDED, FAULT, LATE, TOO_LARGE
from tests.api.table import TABLE
from tests.api.test_table import fill
from tests.api.world import World, make_world
from tests.conftest import Api
from worktime.models import WorkTime

START = "/api/worktime/start/"
UNSAFE = [row for row in TABLE if row.method != "GET"]
SURROGATES = ('"\\ud800"', '"a\\udc00b"', '"\\uDBFF\\u0041"', '{"\\ud800": 1}', '["\\ud800"]')
NOT_JSON = (
    b"",
    b"{",
    b"nothing",
    b'{"a": 1, "a": 1}',
    b'{"a": {"b": 1, "b": 2}}',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": 1e999}',
    b'\xef\xbb\xbf{"a": 1}',
    b'{"a": "\xff"}',
    b'{"a": 1}x',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"9" * 5000,
)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(
    ("fault", "status", "name"),
    [
        (LATE, 408, "request_timeout"),
        (CHUNKED, 411, "length_required"),
        (TOO_LARGE, 413, "too_large"),
        (BROKEN, 400, "bad_request"),
        (CROWDED, 503, "busy"),
    ],
)
@pytest.mark.parametrize("path", [START, "/api/auth/browser/v1/auth/login", "/api/nothing/"])
def test_what_the_gateway_found(
    api: type[Api], alice: User, fault: str, status: int, name: str, path: str
) -> None:
    found: dict[str, Any] = {FAULT: fault}
    response = api(alice).generic("POST", path, b"", content_type="application/json", **found)
    assert code(response) == (status, name)
    assert response["Content-Type"] == "application/problem+json"
    assert response["Connection"] == "close"
    assert (status == 503) is ("Retry-After" in response)
    assert not WorkTime.objects.exists()


def test_another_server_with_a_chunked_body(api: type[Api], alice: User) -> None:
    """Where nothing has read it, Django would take it for empty."""
    client = api(alice)
    response = client.request(
        **{
            "PATH_INFO": START,
            "REQUEST_METHOD": "POST",
            "HTTP_X_CSRFTOKEN": client.csrf["X-CSRFToken"],
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": FakePayload(b'{"notes": "x"}'),
        }
    )
    assert code(response) == (411, "length_required")
    assert not WorkTime.objects.exists()


@pytest.mark.parametrize("length", ["-1", "+1", "1.0", "x", "٣", " ", "9" * 30])
def test_a_length_that_is_none(api: type[Api], alice: User, length: str) -> None:
    response = api(alice).generic("POST", START, b"{}", CONTENT_LENGTH=length)
    assert response.status_code in {400, 413}


def test_many_parameters(api: type[Api], alice: User) -> None:
    client = api(alice)
    assert client.get("/api/worktime/?" + "&".join(["limit=1"] * 100)).status_code == 200
    for count in (101, 5000):
        query = "&".join(["limit=1"] * count)
        assert code(client.get(f"/api/worktime/?{query}")) == (400, "too_many_parameters")
        assert client.get(f"/?{query}").status_code == 400


@pytest.fixture
def world(db: None) -> World:
    return make_world("nordwind")


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_no_json(world: World, body: bytes) -> None:
    client = Api(world.admin)
    for row in UNSAFE:
        if not row.body or not body:
            continue
        response = client.generic(
            row.method,
            fill(row.path, world.ids),
            body,
            content_type="application/json",
            headers=client.csrf,
        )
        assert (str(row), *code(response)) == (str(row), 400, "parse_error")


@pytest.mark.parametrize("text", SURROGATES, ids=range(len(SURROGATES)))
def test_half_a_surrogate_pair_in_every_field(world: World, text: str) -> None:
    client = Api(world.admin)
    for row in UNSAFE:
        for name in row.body:
            body = json.dumps({**fill(row.body, world.ids), name: 0}).replace(
                f'"{name}": 0', f'"{name}": {text}'
            )
            response = client.send(row.method, fill(row.path, world.ids), body)
            assert (str(row), name, *code(response)) == (str(row), name, 400, "parse_error")
            assert "surrogate" in response.json()["detail"]


def test_a_pair_is_a_character(api: type[Api], alice: User) -> None:
    response = api(alice).send("POST", START, '{"notes": "\\ud83d\\ude00"}')
    assert response.json()["notes"] == "😀"


def test_a_member_given_twice_is_named(api: type[Api], alice: User) -> None:
    response = api(alice).send("POST", START, '{"notes": "a", "notes": "b"}')
    assert '"notes"' in response.json()["detail"]
    assert not WorkTime.objects.exists()


ALLAUTH = ("auth/login", "auth/signup", "auth/password/request", "auth/password/reset", "config")
MORE = ("auth/email/verify", "auth/2fa/authenticate", "account/password/change", "account/email")


@pytest.mark.parametrize("path", [*ALLAUTH, *MORE, "auth/reauthenticate", "auth/session"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_allauths_routes(api: type[Api], alice: User, path: str, method: str) -> None:
    client = api(alice)
    url = f"/api/auth/browser/v1/{path}"
    for wrong in (*(each.encode() for each in SURROGATES), *filter(None, NOT_JSON)):
        response = client.generic(
            method, url, wrong, content_type="application/json", headers=client.csrf
        )
        assert code(response) == (400, "parse_error"), wrong[:50]
    for body in ("[]", "1", "null", '"x"', '{"username": [], "email": {}}', '{"username": null}'):
        assert client.send(method, url, body).status_code < 500, body


def routes() -> list[str]:
    found = []

    def walk(resolver: Any, prefix: str) -> None:
        for each in resolver.url_patterns:
            route = f"{prefix}{each.pattern}"
            if isinstance(each, URLResolver):
                walk(each, route)
            elif route.startswith("api/") and route.endswith("/"):
                found.append("/" + route.replace("<int:", "<").replace("<str:", "<"))

    walk(get_resolver(), "")
    return found


@pytest.mark.parametrize("debug", [True, False])
def test_a_forgotten_slash(api: type[Api], alice: User, debug: bool) -> None:
    client = api(alice)
    with override_settings(DEBUG=debug):
        for route in routes():
            path = "".join("1" if part.startswith("<") else part for part in _parts(route))[:-1]
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                response = client.send(method, path, {})
                assert (path, method, *code(response)) == (path, method, 404, "not_found")
                assert response["Content-Type"] == "application/problem+json"
            assert client.get(path).status_code in {301, 404}
        assert Client().post("/accounts/login", {"login": "x"}).status_code == 404
        assert Client().get("/accounts/login").status_code == 301


def _parts(route: str) -> list[str]:
    parts, text = [], route
    while "<" in text:
        before, _, rest = text.partition("<")
        name, _, text = rest.partition(">")
        parts += [before, f"<{name}"]
    return [*parts, text]


@pytest.mark.parametrize("debug", [True, False])
def test_what_is_no_route_of_the_api(db: None, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        for method in ("GET", "POST", "DELETE", "PATCH"):
            for path in ("/api/nothing/", "/api/nothing", "/api/worktime/x/y/", "/api/auth/x"):
                response = Client(enforce_csrf_checks=True).generic(method, path)
                assert code(response) == (404, "not_found"), (method, path)


def test_nobody_keeps_what_does_not_say_so(api: type[Api], alice: User) -> None:
    client = api(alice)
    for path in (
        "/api/nothing/",
        "/accounts/password/change/",
        "/",
        "/api/worktime/export/?format=csv",
    ):
        response = client.get(path)
        assert "no-store" in response["Cache-Control"], path
        if response.streaming:
            b"".join(response.streaming_content)  # type: ignore[attr-defined]  # so that the file is closed
    assert Api().get("/api/me/")["Cache-Control"] == "no-store"
    assert client.get("/api/me/")["Cache-Control"] == "private, no-cache"
    assert client.post_json(START)["Cache-Control"] == "no-store"
    assert client.post_json(START)["Cache-Control"] == "no-store"


def test_a_write_without_https_is_refused(api: type[Api], alice: User) -> None:
    client = api(alice)
    with override_settings(SECURE_SSL_REDIRECT=True):
        assert code(client.post_json(START)) == (400, "bad_request")
        assert client.get("/api/me/").status_code == 301
        assert client.get("/livez").status_code == 200
    assert not WorkTime.objects.exists()
