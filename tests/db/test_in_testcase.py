"""Under TestCase: one transaction around the test, which everything joins."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from config.db.retry import write
from tests.db.conftest import Thing, insert, names

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _table(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE config_thing (id serial PRIMARY KEY, name text)")


@pytest.mark.parametrize("name", ["a", "b"])
def test_each_begins_empty(name: str) -> None:
    insert(name)
    assert names() == [name]


def test_a_write_joins_and_a_failed_one_undoes_only_itself() -> None:
    @write
    def store(name: str, *, fails: bool) -> None:
        insert(name)
        if fails:
            raise ZeroDivisionError

    store("a", fails=False)
    with pytest.raises(ZeroDivisionError):
        store("b", fails=True)
    assert names() == ["a"]


def test_durable_is_allowed() -> None:
    with transaction.atomic(durable=True):
        insert("a")
    assert names() == ["a"]


def test_hooks_are_captured(
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    seen: list[str] = []
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        write(lambda: transaction.on_commit(lambda: seen.append("hook")))()
    assert (len(callbacks), seen) == (1, ["hook"])


def test_queries_are_counted(django_assert_num_queries: Callable[..., Any]) -> None:
    with django_assert_num_queries(1):
        assert Thing.objects.count() == 0
