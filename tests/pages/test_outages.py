"""Redis away while people are at work: nobody is refused or logged out, nobody is lied to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import pytest
from allauth.account.models import EmailAddress
from django.db import connection

from accounts.models import User
from config.cache import reads
from config.dev.servers import Valkey
from tests.accounts.browser import PASSWORD, Browser
from tests.conftest import Api
from tests.pages.other import Other

pytestmark = pytest.mark.django_db(transaction=True)
ME, PAGE = "/api/me/", "/api/page/?table=worktime"


@contextmanager
def load(*users: User) -> Iterator[list[tuple[str, int]]]:
    """Have people read and write all the time; yields (request, status) as they come."""
    answers: list[tuple[str, int]] = []
    stop = threading.Event()

    def work(client: Api) -> None:
        try:
            while not stop.is_set():
                for method, path in (("GET", PAGE), ("GET", ME), ("PATCH", "/api/me/settings/")):
                    body = {"dark_mode": True} if method == "PATCH" else None
                    answers.append(
                        (f"{method} {path}", client.send(method, path, body).status_code)
                    )
        except Exception as error:
            answers.append((repr(error), 500))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(Api(user),)) for user in users]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def hits() -> int:
    return sum(cache.counts["hits"] for cache in reads._caches.values())


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_redis_away_under_load(
    valkey: Valkey, alice: User, bob: User, ada: User, fault: str
) -> None:
    with load(alice, bob, ada) as answers:
        sleep(0.5)
        getattr(valkey, fault)()
        sleep(1.0)
        before = len(answers)
        assert before
        valkey.start() if fault == "kill" else valkey.resume()
        back, known = monotonic(), hits()
        while hits() < known + 10:
            assert monotonic() - back < 2.0
            sleep(0.01)
        sleep(0.3)
    assert len(answers) > before
    assert {status for _, status in answers} == {200}


def test_a_log_out_while_redis_is_away_holds_afterwards(valkey: Valkey, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    browser = Browser()
    browser.log_in()
    key = browser.cookies["sessionid"].value
    copy = Api()
    copy.cookies["sessionid"] = key
    with Other(connection.settings_dict["NAME"], REDIS_URL=valkey.url()) as other:
        assert other.get(ME, session=key)[0] == 200
        assert copy.get(ME).status_code == 200
        valkey.pause()
        assert browser.auth("DELETE", "auth/session").status_code == 401
        assert copy.get(ME).status_code == 401
        assert other.get(ME, session=key)[0] == 401
        valkey.resume()
        back = monotonic()
        while monotonic() - back < 2.0:
            assert other.get(ME, session=key)[0] == 401
            assert copy.get(ME).status_code == 401
            sleep(0.02)  # both together below the limit of requests
