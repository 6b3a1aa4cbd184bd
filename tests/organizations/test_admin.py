"""What operators change in the admin goes by the same rules as in the app."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, RoleAssignment, User
from accounts.services import issue_token
from filterlists.models import FilterGroup, FilterList, TableSettings
from organizations.models import Branch, Invitation, JoinRequest, Organization
from tests.accounts.browser import PASSWORD, Browser
from tests.conftest import Api
from worktime.models import WorkTime, WorkTimeRevision


def role(organization: Organization, name: str) -> Role:
    return Role.objects.get(organization=organization, name=name)


def form_of(client: Client, path: str) -> dict[str, Any]:
    """Return what a browser would send if nothing were changed."""
    context = client.get(path).context
    forms = [context["adminform"].form]
    for formset in context["inline_admin_formsets"]:
        forms += [formset.formset.management_form, *formset.formset.forms]
    values: dict[str, Any] = {}
    for form in forms:
        for name in form.fields:
            value = form[name].value()
            if value is not None and value is not False:
                values[form.add_prefix(name)] = value
    return values


def save(client: Client, row: Any, **changes: Any) -> str:
    """Save the form of a row, and return what the next page says."""
    path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    data = {**form_of(client, path), **changes}
    response = client.post(path, {key: value for key, value in data.items() if value is not None})
    assert response.status_code == 302, response.context["errors"]
    return client.get(response["Location"]).content.decode()


def test_a_person_is_added_with_an_unverified_email(operator: Client) -> None:
    response = operator.post(
        reverse("admin:accounts_user_add"),
        {
            "username": "nina",
            "email": "Nina@example.org",
            "usable_password": "true",
            "password1": "correct horse battery",
            "password2": "correct horse battery",
        },
    )
    assert response.status_code == 302, response.context["errors"]
    nina = User.objects.get(username="nina")
    address = EmailAddress.objects.get(user=nina)
    assert (nina.email, address.email, address.verified) == (
        "nina@example.org",
        "nina@example.org",
        False,
    )


def test_the_email_stays_in_step(operator: Client, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    save(operator, alice, email="new@example.org")
    address = EmailAddress.objects.get(user=alice)
    assert (address.email, address.verified, address.primary) == ("new@example.org", False, True)


def test_deactivating_ends_what_runs(operator: Client, api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json("/api/worktime/start/")
    save(operator, alice, is_active=None)
    assert client.get("/api/me/").status_code == 401
    assert not WorkTime.objects.running().exists()


def test_the_last_admin_stays(operator: Client, ada: User, nordwind: Organization) -> None:
    message = "would lose its last active admin"
    assert message in save(operator, ada, is_active=None)
    assert message in save(operator, ada, **{"role_assignments-0-DELETE": "on"})
    assert message in save(operator, role(nordwind, "Admin"), is_admin=None)
    assert RoleAssignment.objects.get().role.is_admin
    assert User.objects.get(pk=ada.pk).is_active


def test_the_plan_limits_adding(
    operator: Client, charlie: User, ada: User, nordwind: Organization
) -> None:
    Organization.objects.update(max_users=1)
    added = {
        "role_assignments-TOTAL_FORMS": 2,
        "role_assignments-1-role": role(nordwind, "Member").id,
        "role_assignments-1-user": charlie.id,
    }
    assert "as many people as its plan allows" in save(operator, charlie, **added)
    Organization.objects.update(max_users=9)
    save(operator, charlie, **added)
    assert charlie.role_assignments.count() == 2
    assert charlie.role_assignments.get(is_active_role=True).role.organization != nordwind


def test_who_loses_the_last_role_leaves(operator: Client, api: type[Api], alice: User) -> None:
    api(alice).post_json("/api/worktime/start/")
    save(operator, alice, **{"role_assignments-0-DELETE": "on"})
    assert not WorkTime.objects.running().exists()
    assert not alice.branch_assignments.exists()


def test_a_permission_is_changed_inline(
    operator: Client, api: type[Api], alice: User, nordwind: Organization
) -> None:
    member = role(nordwind, "Member")
    rows = list(member.permissions.order_by("id"))
    number = [row.entity for row in rows].index("branches")
    save(operator, member, **{f"permissions-{number}-access_level": "none"})
    assert api(alice).get("/api/branches/").status_code == 403


def test_a_closed_branch_is_left(operator: Client, api: type[Api], alice: User) -> None:
    save(operator, alice.branch_assignments.get().branch, is_active=None)
    assert api(alice).get("/api/me/").json()["active_branch"] is None


def test_a_password_is_set(operator: Client, alice: User) -> None:
    path = reverse("admin:auth_user_password_change", args=[alice.pk])
    new = "correct horse battery"
    response = operator.post(path, {"password1": new, "password2": new, "usable_password": "true"})
    assert response.status_code == 302
    assert User.objects.get(pk=alice.pk).check_password(new)


def test_branches_are_given_and_taken(
    operator: Client, charlie: User, alice: User, hamburg: Branch
) -> None:
    kiel = Branch.objects.create(organization=hamburg.organization, name="Kiel")
    added = {
        "branch_assignments-TOTAL_FORMS": 2,
        "branch_assignments-1-branch": kiel.id,
        "branch_assignments-1-user": alice.id,
    }
    save(operator, alice, **added)
    assert set(alice.branch_assignments.values_list("branch", flat=True)) == {hamburg.id, kiel.id}
    save(operator, alice, **{"branch_assignments-0-DELETE": "on"})
    assert alice.branch_assignments.get(is_active_branch=True).branch == kiel
    elsewhere = {**added, "branch_assignments-1-user": charlie.id}
    assert "has no role in the organisation" in save(operator, charlie, **elsewhere)
    assert charlie.branch_assignments.count() == 1


MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


def fill(
    numbers: range, hire: Callable[..., User], organization: Organization, branch: Branch
) -> None:
    """Make rows of all that the admin shows, each of another person."""
    for i in numbers:
        user = hire(f"p{i}", organization, "Member", branch)
        role = Role.objects.create(organization=organization, name=f"r{i}")
        other = Branch.objects.create(organization=organization, name=f"b{i}")
        Organization.objects.create(name=f"o{i}", display_name=f"o{i}")
        EmailAddress.objects.create(user=user, email=user.email)
        Authenticator.objects.create(user=user, type="totp", data={"secret": "canary"})
        UserSession.objects.create(user=user, ip="127.0.0.1", session_key=f"canary{i}")
        issue_token(
            user_id=user.id,
            name="x",
            scopes=["read"],
            role_id=user.role_assignments.get().role_id,
        )
        common: dict[str, Any] = {"organization": organization}
        JoinRequest.objects.create(requester=user, processed_by=user, **common)
        Invitation.objects.create(
            email=f"i{i}@example.org",
            role=role,
            branch=other,
            invited_by=user,
            token_hash=f"{i}",
            expires_at=timezone.now(),
            **common,
        )
        FilterList.objects.create(user=user, table="worktime", name="x", **common)
        FilterGroup.objects.create(user=user, table="worktime", name="x", **common)
        TableSettings.objects.create(
            user=user, table="worktime", column_order=[], hidden_columns=[]
        )
        record = WorkTime.objects.create(
            user=user, branch=other, started_at=timezone.now(), time_zone="UTC", **common
        )
        WorkTimeRevision.objects.create(
            worktime_id=record.id,
            user=user,
            branch=other,
            author=user,
            action="changed",
            at=timezone.now(),
            **common,
        )


def test_lists_and_forms_cost_the_same_whatever_there_is(
    operator: Client, hire: Callable[..., User], nordwind: Organization, hamburg: Branch
) -> None:
    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert operator.get(path).status_code == 200, path
        return len(captured)

    costs: list[dict[str, int]] = []
    # The first pass also warms what Django keeps of models.
    for numbers in (range(2), range(2, 4), range(4, 20)):
        fill(numbers, hire, nordwind, hamburg)
        measured = {}
        for model in MODELS:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            row = model._default_manager.order_by("pk")[1]
            measured[f"{name} list"] = cost(reverse(f"{name}_changelist"))
            measured[f"{name} form"] = cost(reverse(f"{name}_change", args=[row.pk]))
        costs.append(measured)
    assert costs[1] == costs[2]


def test_everything_is_searchable_and_no_secret_is_shown(
    operator: Client, hire: Callable[..., User], nordwind: Organization, hamburg: Branch
) -> None:
    fill(range(2), hire, nordwind, hamburg)
    for model in MODELS:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert admin.site._registry[model].get_search_fields(RequestFactory().get("/")), name
        row = model._default_manager.latest("pk")
        for path in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])):
            page = operator.get(path, {"q": "p1"})
            assert (page.status_code, b"canary" in page.content) == (200, False), path


@pytest.mark.parametrize("model", [User, Organization, Branch, Role, WorkTime])
def test_what_must_stay_is_not_deleted(
    operator: Client,
    hire: Callable[..., User],
    nordwind: Organization,
    hamburg: Branch,
    model: type[Any],
) -> None:
    fill(range(1), hire, nordwind, hamburg)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    row = model._default_manager.latest("pk")
    path = reverse(f"{name}_delete", args=[row.pk])
    assert operator.post(path, {"post": "yes"}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    operator.post(reverse(f"{name}_changelist"), form)
    assert model._default_manager.filter(pk=row.pk).exists()


def test_a_session_that_is_deleted_ends(operator: Client, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    browser = Browser()
    browser.log_in()
    assert browser.get("/api/me/").status_code == 200
    session = UserSession.objects.get(user=alice)
    path = reverse("admin:usersessions_usersession_delete", args=[session.pk])
    assert operator.post(path, {"post": "yes"}).status_code == 302
    assert browser.get("/api/me/").status_code == 401
