"""The committed schema is the generated one; the documentation pages load."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import translation

COMMITTED = settings.BASE_DIR / "docs" / "openapi.yaml"


def test_the_committed_schema_is_current(tmp_path: Path) -> None:
    generated = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(generated), validate=True, fail_on_warn=True)
    assert COMMITTED.read_text() == generated.read_text(), (
        "run: ./run spectacular --file docs/openapi.yaml"
    )


def test_it_is_the_same_for_everyone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.views._schemas", {})
    client = Client(headers={"Accept-Language": "de"})
    with translation.override("en"):  # the thread's own, which a request changes
        as_yaml = client.get("/api/schema/?lang=de&version=mine")
        as_json = client.get("/api/schema/", headers={"Accept": "application/json"})
    assert as_yaml["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
    assert as_yaml.content.decode() == COMMITTED.read_text()
    assert as_json["Content-Type"] == "application/json; charset=utf-8"
    assert as_json.json()["info"]["title"] == "Stechuhr"


@pytest.mark.parametrize(
    "page", ["/api/docs/", "/api/docs/?script=", "/api/redoc/", "/api/schema/"]
)
def test_the_pages_load_nothing_from_elsewhere(db: None, page: str) -> None:
    response = Client().get(page)
    assert response.status_code == 200
    assert b"https://" not in response.content
    assert "default-src 'self'" in response["Content-Security-Policy"]
