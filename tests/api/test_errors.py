"""Every refusal is one envelope, whatever layer it comes from."""

import json
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from accounts.models import User
from config import urls
from config.middleware import RequestIdFilter
from tests.conftest import Api

START = "/api/worktime/start/"


def boom(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret inside")


urlpatterns = [path("api/boom/", boom), *urls.urlpatterns]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500


def raw(client: Api, body: bytes, content_type: str = "application/json") -> Any:
    return client.generic("POST", START, body, content_type=content_type, headers=client.csrf)


def code(response: Any) -> tuple[int, str]:
    body = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert body["status"] == response.status_code
    assert body["request_id"] == response["X-Request-ID"]
    return response.status_code, body["code"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"NaN",
        b'{"notes": Infinity}',
        b"[" * 100_000,
        b"1" * 10_000,
        b'{"a":' * 50_000,
    ],
)
def test_malformed_json(api: type[Api], alice: User, body: bytes) -> None:
    assert code(raw(api(alice), body)) == (400, "parse_error")


def test_json_that_is_no_object(api: type[Api], alice: User) -> None:
    for body in (b"1", b'"x"', b"[1]", b"true"):
        assert code(raw(api(alice), body)) == (400, "invalid")


def test_too_large(api: type[Api], alice: User) -> None:
    body = json.dumps({"notes": "n" * 2 * 1024 * 1024}).encode()
    assert code(raw(api(alice), body)) == (413, "too_large")


def test_another_media_type(api: type[Api], alice: User) -> None:
    for media_type in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        response = raw(api(alice), b"notes=x", media_type)
        assert code(response) == (415, "unsupported_media_type")


def test_another_format(api: type[Api], alice: User) -> None:
    response = api(alice).get("/api/me/", headers={"Accept": "application/xml"})
    assert code(response) == (406, "not_acceptable")


def test_another_method(api: type[Api], alice: User) -> None:
    for route in (START, "/api/schema/"):
        assert code(api(alice).send("DELETE", route)) == (405, "method_not_allowed")


def test_an_unknown_address(api: type[Api], alice: User) -> None:
    assert code(api(alice).get("/api/nothing/")) == (404, "not_found")


def test_an_unknown_page(db: None) -> None:
    response = Client().get("/nothing")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")
    assert b"There is nothing at this address" in response.content


def test_an_unknown_host(db: None) -> None:
    response = Client().get("/api/me/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"


@override_settings(ROOT_URLCONF=__name__)
def test_a_fault_shows_nothing_of_its_inside(db: None, caplog: pytest.LogCaptureFixture) -> None:
    response = Client(raise_request_exception=False).get("/api/boom/")
    assert code(response) == (500, "internal_error")
    assert b"secret" not in response.content
    assert "a secret inside" in caplog.text


@override_settings(TRUSTED_PROXIES=0)
def test_a_strangers_request_id_is_not_taken(db: None) -> None:
    response = Client().get("/livez", headers={"X-Request-ID": "mine"})
    assert response["X-Request-ID"] != "mine"


@override_settings(TRUSTED_PROXIES=1)
def test_a_proxys_request_id_is_taken(db: None) -> None:
    client = Client()
    assert client.get("/livez", headers={"X-Request-ID": "a-1"})["X-Request-ID"] == "a-1"
    assert client.get("/livez", headers={"X-Request-ID": "a b"})["X-Request-ID"] != "a b"


@override_settings(TRUSTED_PROXIES=1)
def test_the_log_line_of_a_refusal_has_its_id(db: None, caplog: pytest.LogCaptureFixture) -> None:
    Client().get("/api/me/", headers={"X-Request-ID": "a-1"})
    [record] = [each for each in caplog.records if each.name == "django.request"]
    assert RequestIdFilter().filter(record)
    assert record.request_id == "a-1"  # type: ignore[attr-defined]
