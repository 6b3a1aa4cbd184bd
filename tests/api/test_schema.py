"""The committed schema is the generated one; the documentation pages load."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client

COMMITTED = settings.BASE_DIR / "docs" / "openapi.yaml"


def test_the_committed_schema_is_current(tmp_path: Path) -> None:
    generated = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(generated), validate=True, fail_on_warn=True)
    assert COMMITTED.read_text() == generated.read_text(), (
        "run: ./run spectacular --file docs/openapi.yaml"
    )


@pytest.mark.parametrize(
    ("accepted", "media_type", "parse"),
    [
        ("*/*", "application/vnd.oai.openapi; charset=utf-8", yaml.safe_load),
        ("application/json", "application/json; charset=utf-8", json.loads),
    ],
)
def test_it_is_served_as_one_likes_in_one_language(
    accepted: str, media_type: str, parse: Callable[[bytes], Any]
) -> None:
    for language in ("de", "en"):
        response = Client().get(
            "/api/schema/", headers={"Accept": accepted, "Accept-Language": language}
        )
        assert response["Content-Type"] == media_type
        assert parse(response.content) == yaml.safe_load(COMMITTED.read_text())


@pytest.mark.parametrize(
    "page", ["/api/docs/", "/api/docs/?script=", "/api/redoc/", "/api/schema/"]
)
def test_the_pages_load_nothing_from_elsewhere(db: None, page: str) -> None:
    response = Client().get(page)
    assert response.status_code == 200
    assert b"https://" not in response.content
    assert "default-src 'self'" in response["Content-Security-Policy"]
