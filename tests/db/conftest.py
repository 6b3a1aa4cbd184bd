"""A table of our own, and databases to break: nothing here touches the product's tables."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

import pytest
from django.db import connections, models
from django.test.utils import isolate_apps
from pytest_django import DjangoDbBlocker

from config.db.base import DatabaseWrapper
from config.db.intent import Intent, use
from config.dev.proxy import Proxy
from config.dev.servers import Postgres

with isolate_apps("config"):

    class Thing(models.Model):
        """A row that tests write."""

        name = models.CharField(max_length=40)
        objects: ClassVar[models.Manager["Thing"]] = models.Manager()

        class Meta:
            app_label = "config"

        def __str__(self) -> str:
            return self.name


Elsewhere = Callable[..., DatabaseWrapper]


@pytest.fixture
def db_access(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Lets a test use databases for real; what it writes, it cleans up."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def database(db_access: None) -> Iterator[DatabaseWrapper]:
    """The product's alias, with an empty table of `Thing`; at the end nothing may be held."""
    db = cast(DatabaseWrapper, connections["default"])
    with db.schema_editor() as editor:
        editor.create_model(Thing)
    yield db
    assert db.connection is None
    assert db.group.held() == []
    assert db.group.gate.in_use == 0
    with db.schema_editor() as editor:
        editor.delete_model(Thing)


@pytest.fixture
def elsewhere(db_access: None) -> Iterator[Elsewhere]:
    """Makes the default alias of this thread another one: other limits, another server."""
    original = connections["default"]
    made: list[DatabaseWrapper] = []

    def make(params: dict[str, Any] | None = None, **limits: Any) -> DatabaseWrapper:
        given = {name.upper(): value for name, value in (params or {}).items() if name != "dbname"}
        names = {"NAME": params["dbname"]} if params else {}
        options = {**original.settings_dict["OPTIONS"], "pool": limits}
        settings = {**original.settings_dict, **given, **names, "OPTIONS": options}
        db = DatabaseWrapper(settings, "default")
        connections["default"] = db
        made.append(db)
        return db

    yield make
    connections["default"] = original
    for db in made:
        db.close()
        held = db.group.held()
        db.close_pool()
        assert held == []


@pytest.fixture
def own(own_postgres: Postgres, proxy: Proxy, elsewhere: Elsewhere) -> DatabaseWrapper:
    """The default alias on a server that may be broken, reached through a proxy, with `Thing`."""
    db = elsewhere(own_postgres.params(port=proxy.port), pools=2, pool_size=1, write_reserve=1)
    with db.schema_editor() as editor:
        editor.create_model(Thing)
    return db


@contextmanager
def busy(db: DatabaseWrapper, count: int, intent: Intent) -> Iterator[None]:
    """Hold `count` connections for the block, each in a thread of its own."""
    may_end = threading.Event()
    have = threading.Barrier(count + 1, timeout=10)

    def keep() -> None:
        wrapper = db.copy()
        with use(intent, label="busy"), wrapper.pinned():
            have.wait()
            may_end.wait(10)

    threads = [threading.Thread(target=keep) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        have.wait()
        yield
    finally:
        may_end.set()
        for thread in threads:
            thread.join()


def insert(name: str) -> None:
    """Write one row, without the ORM."""
    with connections["default"].cursor() as cursor:
        cursor.execute("INSERT INTO config_thing (name) VALUES (%s)", [name])


def names() -> list[str]:
    """Return what is stored, in order."""
    return list(Thing.objects.order_by("name").values_list("name", flat=True))
