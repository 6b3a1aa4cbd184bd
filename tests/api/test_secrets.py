"""Planted secrets show nowhere but where they belong: answers, Redis, logs, admin, reprs."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django_redis import get_redis_connection

from accounts.models import ApiToken, User
from organizations.models import OrganizationSettings
from tests.api.table import TABLE
from tests.api.test_table import ask, client_of
from tests.api.world import World, make_world
from tests.conftest import Api

HASH = "pbkdf2_sha256$1$canaryhash$canaryhash"
IBAN = "CANARYIBAN"
BLOB = "CANARYBLOB"
DIGEST = "CANARYDIGEST"
SESSIONS = ("stranger", "member", "lead", "admin")


@pytest.fixture
def world(db: None) -> World:
    world = make_world("nordwind")
    User.objects.update(password=HASH)
    User.objects.filter(pk=world.member.pk).update(bank_details=IBAN)
    OrganizationSettings.objects.update(data={"blob": BLOB})
    # One by hand: those of the world must stay usable.
    ApiToken.objects.filter(pk=world.ids["token"]).update(digest=DIGEST)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE organizations_invitation SET token_hash = %s", [DIGEST])
    for user in (world.admin, world.lead, world.member):
        # Sessions are bound to the password.
        user.refresh_from_db()
    return world


def answers(world: World, elsewhere: World) -> Iterator[tuple[str, str, str]]:
    """Yield caller, request and answer of the whole table."""
    for actor in SESSIONS:
        client = client_of(actor, world, elsewhere)
        for row in TABLE:
            before = transaction.savepoint()
            response = ask(client, row, world.ids, world.ids)
            transaction.savepoint_rollback(before)
            body = b"".join(response) if response.streaming else response.content
            yield actor, str(row), body.decode()


def in_redis() -> str:
    server = get_redis_connection("default")
    return "".join(f"{key!r} {server.get(key)!r}" for key in server.keys("*"))


def test_the_api(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    elsewhere = make_world("suedwind")
    seen: dict[str, set[tuple[str, str]]] = {}
    for actor, request, body in answers(world, elsewhere):
        for secret in (HASH, "canaryhash", IBAN, BLOB, DIGEST, *world.tokens.values()):
            if secret in body:
                seen.setdefault(secret, set()).add((actor, request))
    own = {("member", "GET /api/me/bank-details/")}
    of_one = {f"{method} /api/users/{{user}}/" for method in ("GET", "PATCH")}
    assert seen == {
        IBAN: own | {(actor, request) for actor in ("member", "admin") for request in of_one},
        BLOB: {
            ("admin", f"{method} /api/organizations/current/settings/")
            for method in ("GET", "PATCH")
        },
    }
    for secret in (HASH, "canaryhash", IBAN, BLOB, DIGEST, *world.tokens.values()):
        assert secret not in in_redis()
        assert secret not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_redis(world: World) -> None:
    """Outside of a transaction, where entries are kept."""
    for actor in ("member", "lead", "admin"):
        client = client_of(actor, world, world)
        for row in TABLE:
            if row.method == "GET":
                ask(client, row, world.ids, world.ids)
    kept = in_redis()
    assert "nordwind-admin@example.org" in kept
    for secret in ("canaryhash", IBAN, BLOB, DIGEST, *world.tokens.values()):
        assert secret not in kept


def test_the_admins_lists(world: World) -> None:
    User.objects.filter(pk=world.admin.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=world.admin.pk))
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        page = client.get(reverse(name)).content.decode()
        for secret in ("canaryhash", IBAN, BLOB, DIGEST):
            assert secret not in page, name


def test_reprs(world: World) -> None:
    def show(value: Any) -> str:
        return f"{value!r} {value}"

    for model in apps.get_models():
        for row in model._base_manager.all()[:20]:
            for secret in ("canaryhash", IBAN, BLOB, DIGEST):
                assert secret not in show(row)


def test_a_refused_request_quotes_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    secret = "x" * 101
    client = Api(world.admin)
    answer = client.post_json("/api/invitations/accept/", {"token": secret})
    assert answer.status_code == 400
    assert secret not in answer.content.decode() + caplog.text
    bearer = Client().get("/api/me/", headers={"Authorization": f"Bearer {secret}"})
    assert secret not in bearer.content.decode() + caplog.text
