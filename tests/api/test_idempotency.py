"""Idempotency-Key: the same key and body take effect once and get the same answer."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from time import monotonic

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from config.dev.proxy import Proxy
from config.models import IdempotencyKey
from tests.conftest import Api
from tests.db.conftest import Elsewhere, db_access, elsewhere  # noqa: F401
from tests.race import at_once
from worktime.models import WorkTime

START = "/api/worktime/start/"
STOP = "/api/worktime/stop/"
KEY = {"Idempotency-Key": "5f2c"}


def test_a_repetition_gets_the_same_answer(api: type[Api], alice: User) -> None:
    client = api(alice)
    first = client.post_json(START, {"notes": "a"}, **KEY)
    client.post_json(STOP)
    again = client.post_json(START, {"notes": "a"}, **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert WorkTime.objects.count() == 1


def test_another_request_with_the_same_key(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json(START, {"notes": "a"}, **KEY)
    for path, body in ((START, {"notes": "b"}), (STOP, {"notes": "a"}), (START + "?x", None)):
        response = client.post_json(path, body, **KEY)
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert WorkTime.objects.running().count() == 1


def test_a_refusal_is_not_kept(api: type[Api], alice: User) -> None:
    client = api(alice)
    assert client.post_json(STOP, **KEY).status_code == 404
    client.post_json(START)
    assert client.post_json(STOP, **KEY).status_code == 200
    assert IdempotencyKey.objects.count() == 1


def test_keys_belong_to_a_person(api: type[Api], alice: User, bob: User) -> None:
    assert api(alice).post_json(START, **KEY).status_code == 201
    response = api(bob).post_json(START, **KEY)
    assert response.status_code == 201
    assert response.json()["user"]["username"] == "bob"


def test_a_key_is_kept_for_a_day(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json(START, **KEY)
    client.post_json(STOP)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    fresh = client.post_json(START, **KEY)
    assert fresh.status_code == 201
    assert "Idempotent-Replayed" not in fresh
    assert WorkTime.objects.count() == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "schlüssel"])
def test_a_key_is_printable_and_short(api: type[Api], alice: User, key: str) -> None:
    response = api(alice).post_json(START, **{"Idempotency-Key": key})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


def test_old_keys_are_forgotten(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json(START, **KEY)
    client.post_json(STOP, **{"Idempotency-Key": "young"})
    IdempotencyKey.objects.filter(key="5f2c").update(
        created_at=timezone.now() - timedelta(hours=25)
    )
    told = StringIO()
    call_command("forget_idempotency_keys", stdout=told)
    assert told.getvalue() == "Deleted 1 keys.\n"
    assert IdempotencyKey.objects.get().key == "young"


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_take_effect_once(api: type[Api], alice: User) -> None:
    clients = [api(alice) for _ in range(20)]
    answers = at_once(20, lambda number: clients[number].post_json(START, **KEY))
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (201, answers[0].content)
    }
    assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
    assert WorkTime.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_twin_that_does_not_end_is_in_progress(api: type[Api], alice: User) -> None:
    client = api(alice)
    is_open, may_end = threading.Event(), threading.Event()

    def hang() -> None:
        with transaction.atomic():
            IdempotencyKey.objects.create(
                user=alice, key="5f2c", fingerprint="", created_at=timezone.now()
            )
            is_open.set()
            may_end.wait(10)
            transaction.set_rollback(True)

    twin = threading.Thread(target=hang)
    twin.start()
    is_open.wait(10)
    response = client.post_json(START, **KEY)
    may_end.set()
    twin.join()
    assert (response.status_code, response.json()["code"]) == (409, "in_progress")
    assert int(response["Retry-After"]) >= 1
    assert not WorkTime.objects.exists()
    assert client.post_json(START, **KEY).status_code == 201


@pytest.fixture
def lossy(transactional_db: None, elsewhere: Elsewhere) -> Iterator[Proxy]:  # noqa: F811
    """A proxy before the tests' database, with this thread's connections going through it."""
    settings = connection.settings_dict
    host, port = settings["HOST"], settings["PORT"] or "5432"
    with Proxy(f"{host}/.s.PGSQL.{port}" if host[0] == "/" else (host, int(port))) as proxy:
        where = {"host": "127.0.0.1", "port": str(proxy.port)}
        elsewhere({"dbname": settings["NAME"], **where}, pools=1, pool_size=2, write_reserve=1)
        yield proxy


def test_a_repetition_learns_what_became_of_a_lost_commit(
    alice: User, api: type[Api], lossy: Proxy
) -> None:
    client = api(alice)
    lossy.cut_after(b"COMMIT")
    for _ in range(1000):
        lossy.cut_before(b"pg_xact_status")
    response = client.post_json(START, **KEY)
    assert (response.status_code, response.json()["code"]) == (503, "outcome_unknown")
    assert int(response["Retry-After"]) >= 1
    lossy.stop()
    lossy.start()
    until = monotonic() + 10
    while (response := client.post_json(START, **KEY)).status_code == 503:
        assert monotonic() < until
    assert (response.status_code, response["Idempotent-Replayed"]) == (201, "true")
    assert WorkTime.objects.count() == 1
