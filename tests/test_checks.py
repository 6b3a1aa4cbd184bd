"""The system checks: settings that break the backend's promises do not start."""

from typing import Any

import pytest
from django.db import connections
from pytest_django.fixtures import Settings

from config.checks import check_budget, check_databases, weigh
from config.db.limits import Limits


def found(settings: Settings, **changes: Any) -> list[str | None]:
    default = {**settings.DATABASES["default"], **changes}
    settings.DATABASES = {**settings.DATABASES, "default": default}
    return [message.id for message in check_databases()]


def test_the_settings_as_shipped_pass(db: None) -> None:
    assert check_databases() == []
    assert check_budget(databases=["default"]) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"CONN_MAX_AGE": 60}, "config.E002"),
        ({"CONN_MAX_AGE": None}, "config.E002"),
        ({"ATOMIC_REQUESTS": True}, "config.E003"),
        ({"OPTIONS": {"pool": {"pools": 0}}}, "config.E005"),
        ({"OPTIONS": {"pool": {"process": "command", "pools": 0}}}, "config.E005"),
    ],
)
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_what_breaks_the_promises(
    settings: Settings, changes: dict[str, Any], expected: str
) -> None:
    assert found(settings, **changes) == [expected]


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_one_engine(settings: Settings) -> None:
    other = {**settings.DATABASES["default"], "ENGINE": "django.db.backends.postgresql"}
    settings.DATABASES = {**settings.DATABASES, "other": other}
    assert [message.id for message in check_databases()] == ["config.E004"]


def test_no_database_is_asked_unless_named() -> None:
    assert check_budget(databases=None) == []


def test_what_fits_passes_to_the_last_connection() -> None:
    limits = Limits(pools=5, pool_size=2, processes=2, reserved=20)
    assert weigh([limits], 60) == []
    [message] = weigh([limits], 59)
    assert message.id == "config.E001"
    assert "40 connections (2 workers x 10 x 2 for a rolling restart)" in message.msg
    assert "has 39 for them (59 less DB_RESERVED 20)" in message.msg


def test_two_aliases_of_a_server_share_its_connections() -> None:
    limits = Limits(pools=5, pool_size=2, processes=2, reserved=20)
    assert weigh([limits, limits], 100) == []
    assert [message.id for message in weigh([limits, limits], 99)] == ["config.E001"]


@pytest.mark.parametrize(
    ("limits", "available", "hint"),
    [
        (Limits(pools=5, pool_size=9, processes=2), 97, "DB_POOL_SIZE=3 fits"),
        (Limits(pools=20, pool_size=2, processes=4), 97, "DB_POOLS=9 DB_POOL_SIZE=1"),
        (Limits(processes=60), 97, "WEB_WORKERS=19"),
        (Limits(processes=60), 23, "Nothing fits"),
    ],
)
def test_the_hint_fits(limits: Limits, available: int, hint: str) -> None:
    [message] = weigh([limits], available)
    assert message.hint is not None
    assert hint in message.hint


def test_an_unreachable_server_is_a_warning(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    original = connections["default"]
    away = original.copy()
    away.settings_dict |= {"HOST": "127.0.0.1", "PORT": "1", "NAME": "none"}
    connections["default"] = away
    try:
        [message] = check_budget(databases=["default"])
    finally:
        connections["default"] = original
        away.close_pool()  # type: ignore[attr-defined]
    assert message.id == "config.W001"
