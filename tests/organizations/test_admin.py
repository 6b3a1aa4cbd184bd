"""What operators change in the admin goes by the same rules as in the app."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, RoleAssignment, User
from organizations.models import Branch, Organization
from tests.conftest import Api
from worktime.models import WorkTime


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


@pytest.mark.parametrize(
    "name", ["accounts_user", "accounts_role", "organizations_branch", "accounts_apitoken"]
)
def test_a_list_costs_the_same_whatever_its_length(
    operator: Client,
    hire: Callable[..., User],
    nordwind: Organization,
    hamburg: Branch,
    name: str,
) -> None:
    costs = []
    for numbers in (range(2), range(2, 30)):
        for i in numbers:
            hire(f"p{i}", nordwind, "Member", hamburg)
            Role.objects.create(organization=nordwind, name=f"r{i}")
            Branch.objects.create(organization=nordwind, name=f"b{i}")
        with CaptureQueriesContext(connection) as captured:
            operator.get(reverse(f"admin:{name}_changelist"))
        costs.append(len(captured))
    assert costs[0] == costs[1]
