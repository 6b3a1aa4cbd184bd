"""`manage.py doctor`: what it says of each thing, and that it never fails itself."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django.fixtures import Settings
from redis import Redis

from config import doctor
from config.dev.servers import Postgres, Valkey
from tests.db.conftest import Elsewhere, db_access, elsewhere  # noqa: F401


def levels(probe: Any) -> dict[str, str]:
    return {finding.subject: finding.level for finding in probe()}


def test_nothing_is_wrong_here(db: None) -> None:
    out = io.StringIO()
    call_command("doctor", stdout=out)
    assert "PostgreSQL" in out.getvalue()
    assert "fail" not in out.getvalue()
    assert "ok   connections: The workers may open" in out.getvalue()


def test_pools_that_want_more_than_the_server_gives(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "pool", {**options["pool"], "pool_size": 90})
    found = [*doctor.system_checks(), *doctor.connections()]
    [finding] = [each for each in found if each.subject == "connections"]
    assert (finding.level, finding.refuses) == ("fail", True)
    assert "fits" in finding.fix


def test_it_works_with_the_database_down(own_postgres: Postgres, elsewhere: Elsewhere) -> None:  # noqa: F811
    elsewhere(own_postgres.params())
    own_postgres.stop()
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out)
    assert ended.value.code == 1
    assert "fail database: cannot be reached" in out.getvalue()
    assert "config.W001" in out.getvalue()


def test_migrations_that_are_missing(own_postgres: Postgres, elsewhere: Elsewhere) -> None:  # noqa: F811
    elsewhere(own_postgres.params())
    found = {finding.subject: finding for finding in doctor.database()}
    assert found["database"].level == found["clock"].level == "ok"
    assert found["migrations"].level == "fail"
    assert "migrate" in found["migrations"].fix


def test_redis_that_keeps_everything(own_valkey: Valkey, settings: Settings) -> None:
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": own_valkey.url(port=own_valkey.port)}
    }
    assert levels(doctor.redis) == {"redis": "ok", "redis eviction": "ok"}
    client = Redis.from_url(own_valkey.url())
    client.config_set("maxmemory-policy", "noeviction")
    assert levels(doctor.redis)["redis eviction"] == "fail"
    client.config_set("maxmemory", "0")
    assert levels(doctor.redis)["redis eviction"] == "warn"
    own_valkey.stop()
    assert levels(doctor.redis) == {"redis": "warn"}


def test_a_mail_server_that_does_not_answer(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert levels(doctor.mail) == {"mail": "warn"}


def test_static_files_that_are_not_collected(settings: Settings, tmp_path: Any) -> None:
    settings.DEBUG = False
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    assert levels(doctor.static_files) == {"static files": "fail"}


def test_more_threads_than_help(settings: Settings) -> None:
    settings.DB_LIMITS = {**settings.DB_LIMITS, "pools": 1, "pool_size": 2}
    assert levels(doctor.sanity)["threads"] == "warn"
