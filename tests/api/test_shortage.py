"""When connections are short: reads are told so at once, writes wait, nobody hears a lie."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from accounts.models import User
from config import urls
from config.db.intent import Intent, use
from tests.conftest import Api
from worktime.models import WorkTime

pytestmark = pytest.mark.django_db(transaction=True)

READS = ("/api/me/", "/api/organizations/current/", "/api/branches/", "/api/worktime/active/")
Holding = Callable[[int, Intent], AbstractContextManager[None]]


@pytest.fixture
def holding() -> Holding:
    """Holds connections in threads of their own, as requests that never end would."""

    @contextmanager
    def hold(count: int, intent: Intent) -> Iterator[None]:
        may_end = threading.Event()
        have = threading.Barrier(count + 1, timeout=10)

        def keep() -> None:
            with use(intent, label="busy"), connection.pinned():  # type: ignore[attr-defined]
                have.wait()
                may_end.wait(10)

        threads = [threading.Thread(target=keep) for _ in range(count)]
        for thread in threads:
            thread.start()
        have.wait()
        try:
            yield
        finally:
            may_end.set()
            for thread in threads:
                thread.join()

    return hold


def capacity() -> tuple[int, int]:
    limits = connection.limits  # type: ignore[attr-defined]
    return limits.connections, limits.write_reserve


@pytest.mark.parametrize("route", READS)
def test_a_read_is_refused_at_once(
    api: type[Api], alice: User, holding: Holding, route: str
) -> None:
    client = api(alice)
    with holding(capacity()[0], Intent.WRITE):
        began = monotonic()
        response = client.get(route)
        assert monotonic() - began < 0.3
    assert (response.status_code, response.json()["code"]) == (503, "pool_exhausted")
    assert response["Content-Type"] == "application/problem+json"
    assert 1 <= int(response["Retry-After"]) <= 3
    assert client.get(route).status_code == 200


def test_a_read_leaves_the_reserve_alone(api: type[Api], alice: User, holding: Holding) -> None:
    size, reserve = capacity()
    client = api(alice)
    with holding(size - reserve, Intent.READ):
        assert client.get("/api/me/").status_code == 503


def test_clocking_in_does_not_wait_for_reads(api: type[Api], alice: User, holding: Holding) -> None:
    size, reserve = capacity()
    client = api(alice)

    def waits() -> list[int]:
        numbers: dict[str, Any] = connection.group.gate.numbers()  # type: ignore[attr-defined]
        waited: list[int] = numbers["write"]["waited"]
        return waited

    before = waits()
    with holding(size - reserve, Intent.READ):
        assert client.post_json("/api/worktime/start/").status_code == 201
        assert client.post_json("/api/worktime/stop/").status_code == 200
    assert waits() == before


def test_clocking_in_waits_for_a_connection(api: type[Api], alice: User, holding: Holding) -> None:
    client = api(alice)
    answers: list[Any] = []
    with holding(capacity()[0], Intent.WRITE):
        thread = threading.Thread(
            target=lambda: answers.append(client.post_json("/api/worktime/start/"))
        )
        thread.start()
        gate = connection.group.gate  # type: ignore[attr-defined]
        while not gate.numbers()["write"]["waiting"]:
            assert thread.is_alive()
    thread.join()
    assert answers[0].status_code == 201


def test_clocking_in_that_waited_in_vain_was_not_applied(
    api: type[Api], alice: User, holding: Holding
) -> None:
    client = api(alice)
    with holding(capacity()[0], Intent.WRITE):
        response = client.post_json("/api/worktime/start/")
    assert (response.status_code, response.json()["code"]) == (503, "pool_exhausted")
    assert not WorkTime.objects.exists()


def test_what_somebody_else_keeps_locked(api: type[Api], alice: User) -> None:
    client = api(alice)
    is_locked, may_end = threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=alice.pk)
            is_locked.set()
            may_end.wait(10)

    other = threading.Thread(target=lock)
    other.start()
    is_locked.wait(10)
    response = client.post_json("/api/worktime/start/")
    may_end.set()
    other.join()
    assert (response.status_code, response.json()["code"]) == (503, "locked")
    assert int(response["Retry-After"]) >= 1
    assert not WorkTime.objects.exists()


def test_a_page_is_refused_as_a_page(alice: User, holding: Holding) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    with holding(capacity()[0], Intent.WRITE):
        for page in ("/", "/admin/"):
            response = client.get(page)
            assert response.status_code == 503
            assert "Retry-After" in response
            assert b"pool_exhausted" in response.content


def visit(request: HttpRequest) -> HttpResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse("seen")


urlpatterns = [path("api/visit/", visit), *urls.urlpatterns]


@override_settings(ROOT_URLCONF=__name__)
def test_a_session_that_cannot_be_saved(alice: User, holding: Holding) -> None:
    """The shortage strikes in the session's middleware, after the view has answered."""
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    with holding(capacity()[0], Intent.WRITE):
        response = client.get("/api/visit/")
    assert response.status_code == 503
    assert response.json()["code"] == "pool_exhausted"
    assert client.get("/api/visit/").content == b"seen"


def test_readiness_says_degraded(db: None, holding: Holding) -> None:
    client = Client()
    client.get("/readyz")
    with holding(capacity()[0], Intent.WRITE):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["database"] == "pool_exhausted"
