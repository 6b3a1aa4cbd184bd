"""How often one caller may ask, and what those are told who ask more often."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import Role, User
from accounts.services import issue_token
from config.cache import counting, server
from config.dev.servers import Valkey
from organizations.models import Organization
from tests.accounts.browser import PASSWORD, Browser
from tests.conftest import Api

ME, SETTINGS = "/api/me/", "/api/me/settings/"
Rates = Callable[..., None]


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Rates:
    """Sets some of the rates."""
    # One moment, so that no window ends meanwhile.
    now = time()
    monkeypatch.setattr(counting, "time", lambda: now)

    def change(**changed: str) -> None:
        stock = api_settings.DEFAULT_THROTTLE_RATES
        monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {**stock, **changed})

    return change


def statuses(times: int, ask: Callable[[], Any]) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_it_works(
    api: type[Api], alice: User, bob: User, rates: Rates, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates(user="3/min")
    client = api(alice)
    assert statuses(3, lambda: client.get(ME)) == [200] * 3
    refused = client.send("PATCH", SETTINGS, {})
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert api(bob).get(ME).status_code == 200
    later = time() + int(refused["Retry-After"])
    monkeypatch.setattr(counting, "time", lambda: later)
    assert client.get(ME).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_it_is_counted_along_with_what_is_read(
    api: type[Api], alice: User, rates: Rates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tests/pages` counts the round trips; here, that they are the ones that count."""
    rates(user="3/min")
    alone: list[Any] = []
    count = server.count

    def watch(due: Any, names: Any = ()) -> Any:
        alone.extend([] if names else due)
        return count(due, names)

    monkeypatch.setattr(server, "count", watch)
    client = api(alice)
    assert statuses(2, lambda: client.get(ME)) == [200] * 2
    asked = [client.send("PATCH", SETTINGS, {}) for _ in range(2)]
    assert [each.status_code for each in asked] == [200, 429]
    assert alone == []


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_are_all_counted(api: type[Api], alice: User, rates: Rates) -> None:
    rates(user="20/min")
    client = api(alice)

    def ask(_: int) -> int:
        try:
            return int(client.get(ME).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        assert Counter(pool.map(ask, range(50))) == {200: 20, 429: 30}


def test_refusals_count(api: type[Api], alice: User, rates: Rates) -> None:
    rates(user="2/min", anon="2/min")
    client, stranger = api(alice), Client()
    forbidden = "/api/organizations/current/settings/"
    assert statuses(3, lambda: client.get(forbidden)) == [403, 403, 429]
    wrong = {"Authorization": "Bearer x"}
    assert statuses(3, lambda: stranger.get(ME, headers=wrong)) == [401, 401, 429]
    assert stranger.get(ME).status_code == 429
    # Whoever has signed in at the same address goes on.
    assert api(User.objects.create(username="new")).get(ME).status_code == 200


def test_a_runaway_program_leaves_its_owners_browser_alone(
    api: type[Api], alice: User, nordwind: Organization, rates: Rates
) -> None:
    rates(user="2/min")
    role = Role.objects.get(organization=nordwind, name="Member")
    _, secret = issue_token(user_id=alice.id, name="x", scopes=["read"], role_id=role.id)
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    assert statuses(3, lambda: program.get(ME)) == [200, 200, 429]
    assert api(alice).get(ME).status_code == 200


def test_by_method(api: type[Api], ada: User, nordwind: Organization, rates: Rates) -> None:
    rates(invite="1/hour")
    client, path = api(ada), "/api/invitations/"
    role = Role.objects.get(organization=nordwind, name="Member").id
    emails = iter(("a@example.org", "b@example.org"))
    assert statuses(2, lambda: client.post_json(path, {"email": next(emails), "role": role})) == [
        201,
        429,
    ]
    assert client.get(path).status_code == 200
    assert client.post_json(f"{path}1/resend/").status_code == 429


@pytest.mark.parametrize(("proxies", "third"), [(0, 429), (1, 401), (2, 429)])
def test_whose_word_for_an_address_is_taken(
    db: None, rates: Rates, settings: Any, proxies: int, third: int
) -> None:
    """What a client claims itself stands first, so it is believed by nobody."""
    rates(anon="2/min")
    settings.TRUSTED_PROXIES = proxies

    def ask(number: int) -> int:
        said = f"10.0.0.{number}, 192.0.2.7, 198.51.100.{number}"
        return int(Client().get(ME, headers={"X-Forwarded-For": said}).status_code)

    assert [ask(number) for number in range(3)] == [401, 401, third]


@pytest.mark.django_db(transaction=True)
def test_without_redis_reads_pass_and_the_rest_is_counted_here(
    api: type[Api], alice: User, valkey: Valkey, rates: Rates
) -> None:
    rates(user="2/min")
    client = api(alice)
    valkey.stop()
    assert statuses(4, lambda: client.get(ME)) == [200] * 4
    assert statuses(3, lambda: client.send("PATCH", SETTINGS, {})) == [200, 200, 429]
    assert client.get(ME).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["stop", "pause"])
def test_without_redis_logging_in_is_limited_here(
    alice: User, bob: User, valkey: Valkey, fault: str
) -> None:
    for user in (alice, bob):
        user.set_password(PASSWORD)
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    getattr(valkey, fault)()
    tries = statuses(6, lambda: Browser().log_in("alice", "wrong"))
    assert tries[:5] == [400] * 5
    # Even the right password has to wait now; others do not.
    assert Browser().log_in("alice").status_code in {400, 429}
    browser = Browser()
    assert browser.log_in("bob").status_code == 200
    assert browser.get(ME).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_is_full_still_reads(api: type[Api], alice: User, valkey: Valkey) -> None:
    client = api(alice)
    client.get(ME)
    redis = server._client()
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    answer = client.get(ME)
    assert (answer.status_code, answer["X-Cache"]) == (200, "hit")
