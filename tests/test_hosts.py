"""A Host may name the ports that this deployment is known by, and no other."""

from typing import Any

import pytest
from django.test import Client


def answer(host: str, path: str = "/api/me/") -> Any:
    return Client().get(path, headers={"Host": host})


@pytest.fixture(autouse=True)
def _known(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["time.example.org", "[::1]"]
    settings.PORT = 8123
    settings.FRONTEND_URL = "https://app.example.org:8443/app"
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.org:9443", "https://plain.example.org"]


@pytest.mark.parametrize("port", ["", ":80", ":443", ":8123", ":8443", ":9443"])
@pytest.mark.parametrize("name", ["time.example.org", "TIME.example.org", "[::1]"])
def test_it_works(db: None, name: str, port: str) -> None:
    assert answer(f"{name}{port}").status_code == 401


@pytest.mark.parametrize("port", ["8000", "0", "080", "08123", "65536", "9" * 5000])
@pytest.mark.parametrize("name", ["time.example.org", "[::1]"])
def test_a_foreign_port(name: str, port: str) -> None:
    refused = answer(f"{name}:{port}")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    assert refused["Content-Type"] == "application/problem+json"
    assert port[:5] in refused.json()["detail"]
    assert refused["X-Request-ID"] == refused.json()["request_id"]
    assert answer(f"{name}:{port}", "/static/x.css").status_code == 400


@pytest.mark.parametrize(
    "host", ["evil.example.com", "time.example.org:", "time.example.org:x", "a b"]
)
def test_what_is_no_host_of_ours(host: str) -> None:
    assert answer(host).status_code == 400


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_answered_at_any_port(db: None, path: str) -> None:
    assert answer("time.example.org:31999", path).status_code == 200
