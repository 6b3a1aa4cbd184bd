"""Real commits and real caches: inside a test's transaction a cache only loads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from config.cache import facts
from tests.api.world import World
from tests.db.conftest import db_access as db_access
from tests.db.conftest import elsewhere as elsewhere
from tests.pages.other import Other
from tests.pages.watch import new_world


@dataclass
class Cost:
    """What a block took: SQL statements and commands to Redis."""

    sql: list[str] = field(default_factory=list)
    redis: list[str] = field(default_factory=list)


Counting = Callable[[], Any]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Counts what a block costs: every statement and every command of this thread's process."""

    @contextmanager
    def counted() -> Iterator[Cost]:
        cost = Cost()
        send = redis.connection.AbstractConnection.send_packed_command

        def counting_send(self: Any, command: Any, **options: Any) -> Any:
            cost.redis.append(str(command)[:60])
            return send(self, command, **options)  # type: ignore[no-untyped-call]

        with monkeypatch.context() as patched, CaptureQueriesContext(connections["default"]) as sql:
            patched.setattr(
                redis.connection.AbstractConnection, "send_packed_command", counting_send
            )
            yield cost
        cost.sql += [query["sql"] for query in sql.captured_queries]

    return counted


@pytest.fixture(autouse=True)
def _no_debts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test pay what another owes."""
    monkeypatch.setattr(facts, "_owed", {})


@pytest.fixture(scope="session")
def other(django_db_setup: None) -> Iterator[Other]:
    """Another process on the same servers."""
    with Other(connections["default"].settings_dict["NAME"]) as process:
        yield process


@pytest.fixture
def world() -> World:
    """An organisation with one of everything; for tests with real commits."""
    return new_world()


@pytest.fixture(scope="session", autouse=True)
def _all_caches(django_test_environment: None) -> None:
    """Load what serving loads."""
    assert get_resolver().url_patterns
