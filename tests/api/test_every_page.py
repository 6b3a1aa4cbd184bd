"""Every page that can be opened is, by everybody, in all languages, with hostile searches."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from filterlists.models import TableSettings
from tests.api.world import World, make_world
from worktime.models import WorkTime, WorkTimeRevision

HOSTILE = ("\0", "\uffff%'\"\\\n", "x" * 5000, "9" * 40)
ACTORS = ("anonymous", "member", "admin", "staff", "operator")


@pytest.fixture
def world(db: None) -> World:
    """One of everything that the admin lists."""
    world = make_world("nordwind")
    operator = User.objects.create_superuser("root", "root@example.org", "x")
    User.objects.create(username="staff", email="staff@example.org", is_staff=True)
    RecoveryCodes.activate(operator)
    UserSession.objects.create(user=operator, ip="127.0.0.1", session_key="0" * 32)
    TableSettings.objects.create(user=world.member, table="worktime")
    record = WorkTime.objects.get()
    WorkTimeRevision.objects.create(
        worktime_id=record.id,
        user=record.user,
        organization=record.organization,
        branch=record.branch,
        action="created",
        author=world.lead,
        before=None,
        after={"notes": "x"},
        at=record.started_at,
    )
    for model in admin.site._registry:
        assert model._default_manager.exists(), model
    return world


def client_of(actor: str, world: World) -> Client:
    client = Client()
    names = {"staff": "staff", "operator": "root"}
    if actor != "anonymous":
        user = User.objects.get(username=names[actor]) if actor in names else getattr(world, actor)
        client.force_login(user)
    return client


def routes() -> Iterator[str]:
    """Yield each route outside the JSON API, with `<…>` for its arguments."""

    def walk(resolver: Any, prefix: str) -> Iterator[str]:
        for each in resolver.url_patterns:
            route = f"{prefix}{each.pattern}"
            if isinstance(each, URLResolver):
                yield from walk(each, route)
            else:
                assert isinstance(each, URLPattern)
                yield route

    for route in walk(get_resolver(), "/"):
        if not route.startswith("/api/") or route in {"/api/docs/", "/api/redoc/"}:
            yield route


def pages() -> Iterator[str]:
    """Yield the address of each page."""
    users = admin.site._registry[User].model
    for route in routes():
        if match := re.match(r"/admin/(\w+)/(\w+)/<", route):
            model = apps.get_model(match[1], match[2])
            row = model._default_manager.values_list("pk", flat=True).first()
            yield re.sub("<[^>]+>", str(row), route)
        elif route.startswith("/admin/^("):
            yield from (f"/admin/{label}/" for label in {m._meta.app_label for m in REGISTERED()})
        elif route.startswith("/admin/r/"):
            yield f"/admin/r/1/{users._default_manager.first().pk}/"
        elif route.startswith("/admin/("):
            yield "/admin/nothing/"
        elif "(?P<uidb36>" in route:
            yield "/accounts/password/reset/key/1-set-password/"
            yield "/accounts/password/reset/key/1-x/"
        elif "(?P<key>" in route:
            yield "/accounts/confirm-email/MQ:x:y/"
        else:
            assert "<" not in route, route
            yield route


def REGISTERED() -> list[Any]:
    return list(admin.site._registry)


LANGUAGES = [code for code, _ in settings.LANGUAGES]


@pytest.mark.parametrize(
    ("actor", "language"),
    [*((actor, "en") for actor in ACTORS[:-1]), *(("operator", each) for each in LANGUAGES)],
)
def test_every_page_opens(world: World, actor: str, language: str) -> None:
    opened = 0
    for page in pages():
        client = client_of(actor, world)  # some pages end the session
        answer = client.get(page, headers={"Accept-Language": language})
        assert answer.status_code < 500, (page, answer.status_code)
        assert answer.status_code in {200, 302, 403, 404, 405}, (page, answer.status_code)
        opened += answer.status_code == 200
    assert opened > 5


def test_the_operator_sees_every_list_and_form(world: World) -> None:
    client = client_of("operator", world)
    EmailAddress.objects.get(user__username="root")
    for model in REGISTERED():
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        row = model._default_manager.values_list("pk", flat=True).first()
        for page in ("", f"{row}/change/", f"{row}/history/"):
            answer = client.get(base + page)
            assert answer.status_code == 200, (base + page, answer.status_code)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_searches(world: World, text: str) -> None:
    client, given = client_of("operator", world), quote(text)
    for model, options in admin.site._registry.items():
        label, name = model._meta.app_label, model._meta.model_name
        for query in (f"q={given}", f"o={given}", f"p={given}", f"{given}=1", f"id={given}"):
            answer = client.get(f"/admin/{label}/{name}/?{query}")
            assert answer.status_code < 500, (name, query)
        for page in ("change", "history", "delete"):
            answer = client.get(f"/admin/{label}/{name}/{quote(text, safe='')}/{page}/")
            assert answer.status_code < 500, (name, page)
        for inline in (options, *options.get_inline_instances(answer.wsgi_request)):
            for field in inline.autocomplete_fields:
                answer = client.get(
                    f"/admin/autocomplete/?term={given}&app_label={inline.model._meta.app_label}"
                    f"&model_name={inline.model._meta.model_name}&field_name={field}&page={given}"
                )
                assert answer.status_code < 500, (name, field)
