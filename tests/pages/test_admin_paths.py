"""All ways in which operators change something in the admin: the very next read is right.

What the admin may add, change, delete, and by which forms, actions and views, is enumerated from
the code: what has no walk here fails.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, Role, User
from filterlists.models import FilterGroup, FilterList, TableSettings
from organizations.models import Branch
from tests.api.world import World
from tests.organizations.test_admin import form_of
from tests.pages.other import Other
from tests.pages.services import APPS
from tests.pages.watch import Watch
from worktime.models import WorkTime

pytestmark = pytest.mark.django_db(transaction=True)
Row = Callable[[World], Any]


@pytest.fixture
def operator(world: World) -> Client:
    client = Client()
    name = f"{world.organization.name}-root"
    client.force_login(User.objects.create_superuser(name, f"{name}@x.example", "x"))
    return client


def member(world: World) -> User:
    return world.member


def role(world: World) -> Role:
    return Role.objects.get(pk=world.ids["role"])


def branch(world: World) -> Branch:
    return Branch.objects.get(pk=world.ids["branch"])


def token(world: World) -> ApiToken:
    return ApiToken.objects.get(pk=world.ids["token"])


def filter_list(world: World) -> FilterList:
    return FilterList.objects.get(pk=world.ids["filter_list"])


def filter_group(world: World) -> FilterGroup:
    return FilterGroup.objects.get(pk=world.ids["filter_group"])


def table_settings(world: World) -> TableSettings:
    return TableSettings.objects.create(
        user=world.admin, table="worktime", sort="notes", column_order=[], hidden_columns=[]
    )


# What is added: the fields, beside those of the empty form.
ADDED: dict[str, Callable[[World], dict[str, Any]]] = {
    "accounts.User": lambda world: {
        "username": f"{world.organization.name}-new",
        "email": f"{world.organization.name}-new@x.example",
        "usable_password": "true",
        "password1": "a long new word",
        "password2": "a long new word",
    },
    "accounts.Role": lambda world: {"organization": world.organization.pk, "name": "Crew"},
    "organizations.Branch": lambda world: {
        "organization": world.organization.pk,
        "name": "Kiel",
    },
}
# What is changed: the row, the fields, and what falls. Then the same by the inlines of a form.
CHANGED: dict[str, tuple[Row, dict[str, Any], set[str]]] = {
    "accounts.User": (member, {"first_name": "Ann"}, {"people", "profiles"}),
    "accounts.Role": (role, {"name": "Crew"}, {"people"}),
    "organizations.Organization": (
        lambda world: world.organization,
        {"display_name": "New"},
        {"organizations", "people"},
    ),
    "organizations.Branch": (branch, {"city": "Kiel"}, {"chosen branches", "own branches"}),
    "worktime.WorkTime": (
        lambda world: WorkTime.objects.get(pk=world.ids["worktime"]),
        {
            "started_at_0": "2026-03-02",
            "started_at_1": "08:00:00",
            "ended_at_0": "2026-03-02",
            "ended_at_1": "09:00:00",
            "reason": "x",
        },
        {"own periods"},
    ),
    "filterlists.FilterList": (
        filter_list,
        {"name": "Other", "is_shared": "on"},
        {"saved_filters", "shared_filters"},
    ),
}
INLINES: dict[str, tuple[Row, dict[str, Any], set[str]]] = {
    "accounts.User UserSettings": (member, {"settings-0-dark_mode": "on"}, {"people"}),
    "accounts.User RoleAssignment": (
        member,
        {"role_assignments-0-DELETE": "on"},
        {"people", "own branches"},
    ),
    "accounts.Role Permission": (role, {"permissions-0-access_level": "none"}, {"people"}),
    "accounts.User BranchAssignment": (
        member,
        {"branch_assignments-0-DELETE": "on"},
        {"chosen branches", "own branches"},
    ),
}
DELETED: dict[str, tuple[Row, set[str]]] = {
    "accounts.ApiToken": (token, {"tokens"}),
    "filterlists.FilterList": (filter_list, {"saved_filters"}),
    "filterlists.FilterGroup": (filter_group, {"saved_filters"}),
    "filterlists.TableSettings": (table_settings, {"saved_filters"}),
}
STOCK_VIEWS = {None, "add", "change", "changelist", "delete", "history"}
FURTHER_VIEWS = {"auth_user_password_change"}
READ_ONLY_INLINES = {"worktime.WorkTime WorkTimeRevision"}


def test_all_that_the_admin_may_do_is_known(operator: Client) -> None:
    request = HttpRequest()
    request.user = User.objects.get(pk=operator.session["_auth_user_id"])
    ours: dict[str, ModelAdmin[Any]] = {
        model._meta.label: each
        for model, each in admin.site._registry.items()
        if model._meta.app_label in APPS
    }

    def may(what: str) -> set[str]:
        return {
            label
            for label, each in ours.items()
            if getattr(each, f"has_{what}_permission")(request)
        }

    assert may("add") == ADDED.keys()
    assert may("change") == CHANGED.keys()
    assert may("delete") == DELETED.keys()
    inlines = {
        f"{label} {inline.model.__name__}"
        for label, each in ours.items()
        for inline in each.inlines
    }
    assert inlines - READ_ONLY_INLINES == INLINES.keys()
    further = set()
    for label, each in ours.items():
        actions: dict[str, Any] = each.get_actions(request)
        assert actions.keys() <= {"delete_selected"}, label
        prefix = f"{each.opts.app_label}_{each.opts.model_name}_"
        names = {url.name and url.name.removeprefix(prefix) for url in each.get_urls()}
        further |= names - STOCK_VIEWS
    assert further == FURTHER_VIEWS


def view_of(label: str, what: str, *arguments: Any) -> str:
    return reverse(f"admin:{label.replace('.', '_').lower()}_{what}", args=arguments)


def save_form(client: Client, path: str, **changes: Any) -> None:
    data = {**form_of(client, path), **changes}
    response = client.post(path, {key: value for key, value in data.items() if value is not None})
    assert response.status_code == 302, response.context["errors"]


@pytest.mark.parametrize("label", ADDED)
def test_adding(world: World, other: Other, operator: Client, label: str) -> None:
    model = User._meta.apps.get_model(label)
    watch, before = Watch(world, other), model._base_manager.count()
    save_form(operator, view_of(label, "add"), **ADDED[label](world))
    assert model._base_manager.count() == before + 1
    watch.changed()


@pytest.mark.parametrize("what", [*CHANGED, *INLINES])
def test_changing(world: World, other: Other, operator: Client, what: str) -> None:
    row_of, changes, falls = (CHANGED | INLINES)[what]
    row, watch = row_of(world), Watch(world, other)
    save_form(operator, view_of(what.split()[0], "change", row.pk), **changes)
    assert watch.changed() >= falls


def test_a_password(world: World, other: Other, operator: Client) -> None:
    watch = Watch(world, other)
    path = reverse("admin:auth_user_password_change", args=[world.member.pk])
    words = {"password1": "a long new word", "password2": "a long new word"}
    response = operator.post(path, {"usable_password": "true", **words})
    assert response.status_code == 302
    assert watch.changed() == {"people"}


@pytest.mark.parametrize("label", DELETED)
def test_deleting(world: World, other: Other, operator: Client, label: str) -> None:
    row_of, falls = DELETED[label]
    row = row_of(world)
    watch = Watch(world, other)
    assert operator.post(view_of(label, "delete", row.pk), {"post": "yes"}).status_code == 302
    assert watch.changed() >= falls


@pytest.mark.parametrize("label", DELETED)
def test_deleting_those_selected(world: World, other: Other, operator: Client, label: str) -> None:
    row_of, falls = DELETED[label]
    row = row_of(world)
    watch = Watch(world, other)
    chosen = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    assert operator.post(view_of(label, "changelist"), chosen).status_code == 302
    assert not type(row)._base_manager.filter(pk=row.pk).exists()
    assert watch.changed() >= falls
