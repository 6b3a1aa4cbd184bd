"""Names have one normal form: what people could not tell apart is one name, and found as one."""

import re
import unicodedata
from importlib import import_module
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.test import Client

from accounts.lookups import find_person
from accounts.models import Role, User
from config.names import NAME_PATTERN, NormalFormField, normal_form
from organizations.models import Branch, Organization
from tests.accounts.browser import PASSWORD, Browser
from tests.api.world import make_world
from tests.conftest import Api

SAME = (
    ("νικ1ας", "ΝΙΚ1ΑΣ"),
    ("straße", "STRASSE"),
    ("ﬁnn", "FINN"),
    ("ａｎｎａ", "anna"),
    ("e\u0301mile", "Émile"),
    ("İpek", "i\u0307pek"),
)
# Default-ignorable characters, and letters and symbols that are blank.
BLANK = (
    *(range(each, each + 1) for each in (0x34F, 0x2800, 0x3164, 0xFFA0)),
    range(0x115F, 0x1161),
    range(0x17B4, 0x17B6),
    range(0x180B, 0x1810),
    range(0x2060, 0x2070),
    range(0xFE00, 0xFE10),
    range(0xFFF0, 0xFFFC),
)
UNSEEN = (
    "a\u202eb",
    "a\u200bb",
    "a\u2066b",
    "a\u0007b",
    "a\u2028b",
    "a\u00adb",
    "a\u200fb",
    "a\u3164",
    "\U000e0041",
)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_form(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)
    assert normal_form(normal_form(one)) == normal_form(one)


def test_the_pattern_of_a_name() -> None:
    pattern = re.compile(NAME_PATTERN)
    for number in range(0x10000):
        if not 0xD800 <= number < 0xE000:
            is_unseen = unicodedata.category(chr(number)) in {"Cc", "Cf", "Zl", "Zp"}
            is_unseen |= any(number in blank for blank in BLANK)
            assert bool(pattern.match(chr(number))) is not is_unseen, hex(number)


def test_every_stored_form_is_that_of_its_name(db: None) -> None:
    make_world("nordwind")
    found = 0
    for model in apps.get_models():
        for field in model._meta.fields:
            if isinstance(field, NormalFormField):
                for row in model._default_manager.all():
                    assert getattr(row, field.name) == normal_form(getattr(row, field.of))
                    found += 1
    assert found > 10


@pytest.mark.parametrize(("one", "other"), SAME[:4])
def test_who_signed_up_still_logs_in_by_name(
    api: type[Api], ada: User, nordwind: Organization, one: str, other: str
) -> None:
    user = User.objects.create(username=one, email="n@example.org")
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    body = {
        "username": other,
        "email": "o@example.org",
        "roles": [nordwind.roles.get(name="Member").id],
    }
    assert code(api(ada).post_json("/api/users/", body)) == (409, "username_taken")
    for name in (one, other):
        assert Browser().log_in(name).status_code == 200
        assert find_person(name) == user
    signed_up = {"username": other, "email": "p@example.org", "password": PASSWORD}
    assert Browser().auth("POST", "auth/signup", signed_up).status_code == 400


@pytest.mark.parametrize(("one", "other"), SAME[:3])
def test_names_of_an_organisation(
    api: type[Api], ada: User, nordwind: Organization, one: str, other: str
) -> None:
    client = api(ada)
    table = {"table": "worktime", "conditions": []}
    for path, body, refusal in (
        ("/api/roles/", {}, "role_name_taken"),
        ("/api/branches/", {}, "branch_name_taken"),
        ("/api/filter-lists/", table, "filter_list_name_taken"),
        ("/api/filter-groups/", {"table": "worktime"}, "filter_group_name_taken"),
    ):
        assert client.post_json(path, {**body, "name": one}).status_code == 201, path
        assert code(client.post_json(path, {**body, "name": other})) == (409, refusal)


@pytest.mark.parametrize("name", UNSEEN, ids=range(len(UNSEEN)))
def test_unseen_characters(api: type[Api], ada: User, nordwind: Organization, name: str) -> None:
    client = api(ada)
    role = nordwind.roles.get(name="Member").id
    person = {"username": "nina", "email": "n@example.org", "roles": [role]}
    founding = {"name": "new", "display_name": "New"}
    table = {"table": "worktime", "conditions": []}
    for method, path, body, field in (
        ("POST", "/api/users/", person, "username"),
        ("POST", "/api/users/", person, "first_name"),
        ("PATCH", "/api/me/profile/", {}, "last_name"),
        ("POST", "/api/roles/", {}, "name"),
        ("POST", "/api/branches/", {}, "name"),
        ("POST", "/api/organizations/", founding, "display_name"),
        ("POST", "/api/organizations/", founding, "branch_name"),
        ("PATCH", "/api/organizations/current/", {}, "display_name"),
        ("POST", "/api/filter-lists/", table, "name"),
        ("POST", "/api/filter-groups/", {"table": "worktime"}, "name"),
        ("POST", "/api/tokens/", {"scopes": ["read"]}, "name"),
    ):
        response = client.send(method, path, {**body, field: name})
        assert response.status_code == 400, (path, field)
        assert {each["field"] for each in response.json()["errors"]} == {field}
    signed_up = {"username": name, "email": "p@example.org", "password": PASSWORD}
    assert Browser().auth("POST", "auth/signup", signed_up).status_code == 400


@pytest.mark.parametrize("name", ["аlice", "alιce", "paypаl"])
def test_alphabets_that_look_alike(
    api: type[Api], ada: User, nordwind: Organization, name: str
) -> None:
    role = nordwind.roles.get(name="Member").id
    body = {"username": name, "email": "n@example.org", "roles": [role]}
    response = api(ada).post_json("/api/users/", body)
    assert response.json()["errors"][0]["field"] == "username"
    whole = {**body, "username": "алиса"}
    assert api(ada).post_json("/api/users/", whole).status_code == 201


def test_the_admin_tells_that_a_name_is_taken(
    operator: Client, nordwind: Organization, alice: User
) -> None:
    lead = Role.objects.get(organization=nordwind, name="Lead")
    empty = {"permissions-TOTAL_FORMS": "0", "permissions-INITIAL_FORMS": "0"}
    page = operator.post(
        f"/admin/accounts/role/{lead.pk}/change/", {**empty, "name": "MEMBER", "all_branches": "on"}
    )
    assert page.status_code == 200
    assert "a role of this name already" in page.content.decode()
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    body = {"name": "HAMBURG", "is_active": "on"}
    page = operator.post(f"/admin/organizations/branch/{kiel.pk}/change/", body)
    assert "a branch of this name already" in page.content.decode()
    added = {
        "username": "ＡＬＩＣＥ",
        "email": "x@example.org",
        "usable_password": "false",
    }
    page = operator.post("/admin/accounts/user/add/", added)
    assert page.status_code == 200
    assert User.objects.filter(username="ＡＬＩＣＥ").count() == 0


def test_the_migration_names_what_collides(nordwind: Organization, ada: User) -> None:
    fill = import_module("organizations.migrations.0004_fill_normal_forms").fill
    Branch.objects.create(organization=nordwind, name="Kiel")
    Branch.objects.filter(name="Kiel").update(name="HAMBURG")
    with pytest.raises(ValueError, match=r"Hamburg.*HAMBURG"):
        fill(apps, None)
    Branch.objects.filter(name="HAMBURG").update(name="Kiel")
    fill(apps, None)
    assert {each.name_key for each in Branch.objects.all()} == {"hamburg", "kiel"}
