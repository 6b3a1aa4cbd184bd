"""The pages people see: the start page, the probes, the admin."""

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from accounts.models import Role, User
from organizations.models import Branch, Organization
from worktime.models import WorkTime


def test_the_start_page_says_who_one_is(alice: User) -> None:
    client = Client()
    assert "You are not logged in" in client.get("/").content.decode()
    client.force_login(alice)
    page = client.get("/").content.decode()
    assert "You are <strong>alice</strong>" in page
    for door in ("/api/docs/", "/api/redoc/", "/admin/", "/readyz"):
        assert f'href="{door}"' in page


def test_the_probes(db: None) -> None:
    client = Client()
    assert client.get("/livez").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "database": "ok", "redis": "ok"}


@pytest.fixture
def operator(ada: User, nordwind: Organization) -> Client:
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=ada.pk))
    return client


@pytest.mark.parametrize("model", [User, Role, Organization, Branch, WorkTime])
def test_the_admin_lists_adds_and_changes(
    operator: Client, alice: User, hamburg: Branch, model: type
) -> None:
    WorkTime.objects.create(
        user=alice,
        organization=hamburg.organization,
        branch=hamburg,
        started_at="2026-03-02T08:00Z",
        time_zone="UTC",
    )
    name = model._meta.label_lower.replace(".", "_")  # type: ignore[attr-defined]
    row = model.objects.first()  # type: ignore[attr-defined]
    assert operator.get(reverse(f"admin:{name}_changelist"), {"q": "ali"}).status_code == 200
    # Records and organisations are made in the app; operators correct them.
    added = operator.get(reverse(f"admin:{name}_add"))
    assert added.status_code == (403 if model in {WorkTime, Organization} else 200)
    assert operator.get(reverse(f"admin:{name}_change", args=[row.pk])).status_code == 200
    assert operator.post(reverse(f"admin:{name}_delete", args=[row.pk])).status_code == 403


def test_the_admin_is_for_operators(alice: User) -> None:
    client = Client()
    response = client.get("/admin/")
    assert response.status_code == 302
    page = client.get("/admin/login/", follow=True)
    assert page.redirect_chain[-1][0].startswith("/accounts/login/")
    client.force_login(alice)
    assert client.get("/admin/", follow=True).status_code == 403


@override_settings(DEBUG=False)
def test_a_page_that_fails_is_a_page(db: None) -> None:
    response = Client().get("/nothing")
    assert b"<h1>Not Found</h1>" in response.content
