"""The figures of all workers: /metrics for Prometheus, a page in the admin for operators."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import User
from config.db import stats


@pytest.fixture
def operator(ada: User) -> Client:
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def workers(settings: Any, tmp_path: Path, db: None) -> dict[str, Any]:
    """Two workers with this process's figures."""
    settings.VAR_DIR = tmp_path
    connection.ensure_connection()
    (tmp_path / "dbpool").mkdir()
    snapshot = stats.snapshot()
    for pid in (1, 2):
        (tmp_path / "dbpool" / f"{pid}.json").write_text(json.dumps(snapshot))
    group: dict[str, Any] = next(g for g in snapshot["groups"] if g["name"] == "default")
    return group


def samples(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("intent", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("alias") == "default" and "le" not in sample.labels
    }


def test_workers_are_added_up(operator: Client, workers: dict[str, Any]) -> None:
    told = samples(operator.get("/metrics").content.decode())
    assert told["stechuhr_db_size", ""] == 2 * workers["size"]
    assert told["stechuhr_db_opened_total", ""] == 2 * workers["opened"] > 0
    reads = workers["flows"]["read"]
    assert told["stechuhr_db_admitted_total", "read"] == 2 * reads["admitted"] > 0
    assert told["stechuhr_db_held_seconds_count", "read"] == 2 * sum(reads["held"])
    assert told["stechuhr_db_held_seconds_sum", "read"] == pytest.approx(2 * reads["held_seconds"])


def test_caches_are_added_up(operator: Client, workers: dict[str, Any]) -> None:
    folder = settings.VAR_DIR / "dbpool"
    for path in folder.glob("*.json"):
        snapshot = json.loads(path.read_text())
        snapshot["caches"]["caches"]["people"] = {"hits": 3, "misses": 1}
        snapshot["caches"]["redis"] = {"away": True, "failures": 2, "owed": 5}
        path.write_text(json.dumps(snapshot))
    text = operator.get("/metrics").content.decode()
    for line in (
        'stechuhr_cache_hits_total{cache="people"} 6.0',
        'stechuhr_cache_loads_total{cache="people"} 0.0',
        "stechuhr_redis_away 2.0",
        "stechuhr_redis_failures_total 4.0",
        "stechuhr_redis_owed 10.0",
    ):
        assert line in text
    shown = StringIO()
    call_command("caches", stdout=shown)
    assert "Caches of 2 workers" in shown.getvalue()
    assert "75.0%" in shown.getvalue()
    assert "2 cut off, 4 failures, 10 bumps owed" in shown.getvalue()


def test_the_page(operator: Client, workers: dict[str, Any]) -> None:
    page = operator.get("/admin/database/").content.decode()
    assert "default: 2 workers" in page
    assert f"<td>{2 * workers['size']}</td>" in page


def test_by_token(settings: Any, db: None) -> None:
    settings.METRICS_TOKEN = "scraper"
    client = Client()
    assert client.get("/metrics", headers={"Authorization": "Bearer scraper"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403


@pytest.mark.parametrize("page", ["/metrics", "/admin/database/"])
def test_for_operators_only(alice: User, page: str) -> None:
    client = Client()
    assert client.get(page).status_code in {302, 403}
    client.force_login(alice)
    assert client.get(page).status_code in {302, 403}
    assert client.get(page, headers={"Authorization": "Bearer "}).status_code in {302, 403}
