"""/api/users/: who sees whom, adding, changing, deactivating, replacing roles and branches."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import Permission, Role, RoleAssignment, User
from organizations.models import Branch, BranchAssignment, Organization
from tests.conftest import Api
from worktime.models import WorkTime

USERS = "/api/users/"
IBAN = "CH93 0076 2011 6238 5295 7"


def names(client: Api) -> list[str]:
    return [row["username"] for row in client.get(USERS).json()["results"]]


def role(organization: Organization, name: str) -> Role:
    return Role.objects.get(organization=organization, name=name)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def allow(target: Role, entity: str, level: str) -> None:
    Permission.objects.update_or_create(
        role=target, entity=entity, defaults={"access_level": level}
    )


def test_who_sees_whom(
    api: type[Api], ada: User, alice: User, bob: User, charlie: User, nordwind: Organization
) -> None:
    assert names(api(alice)) == ["alice"]
    assert names(api(bob)) == names(api(ada)) == ["ada", "alice", "bob"]
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    lead = role(nordwind, "Lead")
    lead.all_branches = False
    lead.save()
    lead.branches.add(kiel)
    BranchAssignment.objects.create(user=alice, branch=kiel)
    assert names(api(bob)) == ["alice", "bob"]


def test_only_roles_of_the_organisation_show(
    api: type[Api], ada: User, alice: User, charlie: User
) -> None:
    RoleAssignment.objects.create(user=alice, role=charlie.role_assignments.get().role)
    BranchAssignment.objects.create(user=alice, branch=charlie.branch_assignments.get().branch)
    row = api(ada).get(f"{USERS}{alice.id}/").json()
    assert [each["name"] for each in row["roles"]] == ["Member"]
    assert [each["name"] for each in row["branches"]] == ["Hamburg"]


def test_bank_details_are_private(api: type[Api], ada: User, alice: User, bob: User) -> None:
    User.objects.filter(pk=alice.pk).update(bank_details=IBAN)
    for client, sees in ((api(ada), True), (api(alice), True), (api(bob), False)):
        detail = client.get(f"{USERS}{alice.id}/")
        assert (IBAN in detail.content.decode()) == sees
        assert ("birthday" in detail.json()) == sees
        assert IBAN not in client.get(USERS).content.decode()


def test_adding(api: type[Api], ada: User, nordwind: Organization, hamburg: Branch) -> None:
    body = {
        "username": "Nina",
        "email": "Nina@Example.org",
        "first_name": "Nina",
        "normal_working_hours": "8.00",
        "roles": [role(nordwind, "Member").id],
        "branches": [hamburg.id],
    }
    response = api(ada).post_json(USERS, body)
    assert response.status_code == 201, response.content
    answer = response.json()
    assert (answer["email"], answer["roles"][0]["name"]) == ("nina@example.org", "Member")
    nina = User.objects.get(username="Nina")
    assert not nina.has_usable_password()
    assert EmailAddress.objects.get(user=nina).verified is False
    context = api(nina).get("/api/me/").json()
    assert context["active_role"]["name"] == "Member"
    assert context["active_branch"]["id"] == hamburg.id


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"username": "ALICE"}, "username_taken"),
        ({"username": "ａｌｉｃｅ"}, "username_taken"),
        ({"email": "Alice@Example.ORG"}, "email_taken"),
    ],
)
def test_names_are_taken_whatever_their_form(
    api: type[Api], ada: User, alice: User, nordwind: Organization, changes: Any, expected: str
) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    body = {"username": "nina", "email": "nina@example.org", **changes}
    body["roles"] = [role(nordwind, "Member").id]
    assert code(api(ada).post_json(USERS, body)) == (409, expected)
    assert User.objects.count() == 2


def test_the_plan_limits_adding(api: type[Api], ada: User, nordwind: Organization) -> None:
    body = {"username": "nina", "email": "n@example.org", "roles": [role(nordwind, "Member").id]}
    nordwind.max_users = 1
    nordwind.save()
    response = api(ada).post_json(USERS, body)
    assert code(response) == (409, "no_seat_left")
    assert response.json()["max_users"] == 1
    nordwind.max_users = 2
    nordwind.subscription_end = timezone.now() - timedelta(seconds=1)
    nordwind.save()
    assert code(api(ada).post_json(USERS, body)) == (409, "subscription_ended")
    assert not User.objects.filter(username="nina").exists()


def test_nobody_gives_more_than_they_have(
    api: type[Api], ada: User, alice: User, bob: User, nordwind: Organization
) -> None:
    """Bob may write users, but is no admin."""
    allow(role(nordwind, "Lead"), "users", "all_both")
    admin = role(nordwind, "Admin").id
    client = api(bob)
    body = {"username": "nina", "email": "nina@example.org", "roles": [admin]}
    assert code(client.post_json(USERS, body)) == (403, "exceeds_own_permissions")
    for user, roles in ((bob, [admin]), (alice, [admin]), (ada, [])):
        response = client.send("PUT", f"{USERS}{user.id}/roles/", {"roles": roles})
        assert code(response) == (403, "exceeds_own_permissions")
    response = client.send("PATCH", f"{USERS}{ada.id}/", {"is_active": False})
    assert code(response) == (403, "exceeds_own_permissions")
    assert RoleAssignment.objects.filter(role_id=admin).count() == 1
    lead = role(nordwind, "Lead").id
    assert client.send("PUT", f"{USERS}{alice.id}/roles/", {"roles": [lead]}).status_code == 200


def test_oneself_within_the_profile(api: type[Api], alice: User) -> None:
    client = api(alice)
    own = f"{USERS}{alice.id}/"
    assert client.send("PATCH", own, {"first_name": "Al"}).json()["first_name"] == "Al"
    for changes in (
        {"normal_working_hours": "24.00"},
        {"is_active": True},
        {"employee_number": "1"},
    ):
        assert code(client.send("PATCH", own, changes)) == (403, "exceeds_own_permissions")


def test_a_member_cannot_reach_others(api: type[Api], alice: User, bob: User) -> None:
    client = api(alice)
    assert client.get(f"{USERS}{bob.id}/").status_code == 404
    for method, path, body in (
        ("PATCH", "", {"first_name": "x"}),
        ("PUT", "roles/", {"roles": []}),
    ):
        assert client.send(method, f"{USERS}{bob.id}/{path}", body).status_code == 404
    response = client.send("PUT", f"{USERS}{alice.id}/branches/", {"branches": []})
    assert code(response) == (403, "exceeds_own_permissions")


def test_replacing_roles_touches_this_organisation_only(
    api: type[Api], ada: User, alice: User, charlie: User, nordwind: Organization
) -> None:
    elsewhere = charlie.role_assignments.get().role
    RoleAssignment.objects.create(user=alice, role=elsewhere)
    path = f"{USERS}{alice.id}/roles/"
    answer = api(ada).send("PUT", path, {"roles": [role(nordwind, "Lead").id]}).json()
    assert [each["name"] for each in answer] == ["Lead"]
    held = {(each.role.name, each.is_active_role) for each in alice.role_assignments.all()}
    assert held == {("Lead", True), ("Member", False)}
    response = api(ada).send("PUT", path, {"roles": [elsewhere.id]})
    assert response.json()["errors"][0]["code"] == "does_not_exist"


def test_leaving_ends_what_runs_there(api: type[Api], alice: User, nordwind: Organization) -> None:
    client = api(alice)
    client.post_json("/api/worktime/start/")
    response = client.send("PUT", f"{USERS}{alice.id}/roles/", {"roles": []})
    assert (response.status_code, response.json()) == (200, [])
    assert not WorkTime.objects.running().exists()
    assert WorkTime.objects.count() == 1
    assert not alice.branch_assignments.exists()
    assert client.get("/api/me/").json()["active_role"] is None


def test_leaving_takes_no_permission(
    api: type[Api], alice: User, bob: User, nordwind: Organization
) -> None:
    role(nordwind, "Member").permissions.all().delete()
    client = api(alice)
    for user, roles, status in (
        (bob, [], 404),
        (alice, [role(nordwind, "Lead").id], 403),
        (alice, [], 200),
    ):
        response = client.send("PUT", f"{USERS}{user.id}/roles/", {"roles": roles})
        assert response.status_code == status
    assert not alice.role_assignments.exists()


def test_who_leaves_acts_elsewhere(
    api: type[Api], alice: User, charlie: User, nordwind: Organization
) -> None:
    RoleAssignment.objects.create(user=alice, role=charlie.role_assignments.get().role)
    client = api(alice)
    client.send("PUT", f"{USERS}{alice.id}/roles/", {"roles": []})
    assert client.get("/api/me/").json()["active_organization"]["name"] == "suedwind"


def test_the_last_admin_stays(api: type[Api], ada: User, bob: User, nordwind: Organization) -> None:
    client = api(ada)
    mine = f"{USERS}{ada.id}/"
    admin = role(nordwind, "Admin")
    refused = (409, "last_admin")
    assert code(client.send("PUT", f"{mine}roles/", {"roles": []})) == refused
    body = {"roles": [role(nordwind, "Lead").id]}
    assert code(client.send("PUT", f"{mine}roles/", body)) == refused
    assert code(client.send("PATCH", mine, {"is_active": False})) == refused
    assert code(client.send("PATCH", f"/api/roles/{admin.id}/", {"is_admin": False})) == refused
    assert code(client.send("DELETE", f"/api/roles/{admin.id}/")) == (409, "role_in_use")
    RoleAssignment.objects.create(user=bob, role=admin)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert code(client.send("PUT", f"{mine}roles/", {"roles": []})) == refused
    User.objects.filter(pk=bob.pk).update(is_active=True)
    assert client.send("PUT", f"{mine}roles/", {"roles": []}).status_code == 200


def test_deactivating_and_bringing_back(
    api: type[Api], ada: User, alice: User, nordwind: Organization
) -> None:
    client = api(alice)
    client.post_json("/api/worktime/start/")
    admin = api(ada)
    answer = admin.send("PATCH", f"{USERS}{alice.id}/", {"is_active": False}).json()
    assert answer["is_active"] is False
    assert client.get("/api/me/").status_code == 401
    assert not WorkTime.objects.running().exists()
    assert "alice" in names(admin)
    nordwind.max_users = 1
    nordwind.save()
    response = admin.send("PATCH", f"{USERS}{alice.id}/", {"is_active": True})
    assert code(response) == (409, "no_seat_left")
    nordwind.max_users = 2
    nordwind.save()
    assert admin.send("PATCH", f"{USERS}{alice.id}/", {"is_active": True}).status_code == 200
    assert api(alice).get("/api/me/").status_code == 200


def test_who_belongs_elsewhere_too_is_not_deactivated(
    api: type[Api], ada: User, alice: User, charlie: User
) -> None:
    RoleAssignment.objects.create(user=alice, role=charlie.role_assignments.get().role)
    response = api(ada).send("PATCH", f"{USERS}{alice.id}/", {"is_active": False})
    assert code(response) == (409, "belongs_elsewhere")


def test_branches(
    api: type[Api], ada: User, alice: User, charlie: User, nordwind: Organization
) -> None:
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    path = f"{USERS}{alice.id}/branches/"
    answer = api(ada).send("PUT", path, {"branches": [kiel.id]}).json()
    assert answer == [{"id": kiel.id, "name": "Kiel"}]
    assert api(alice).get("/api/me/").json()["active_branch"]["name"] == "Kiel"
    foreign = charlie.branch_assignments.get().branch_id
    assert api(ada).send("PUT", path, {"branches": [foreign]}).status_code == 400


@pytest.mark.parametrize("count", [1, 30])
def test_query_count(
    api: type[Api],
    ada: User,
    nordwind: Organization,
    hamburg: Branch,
    hire: Callable[..., User],
    count: int,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    for number in range(count):
        hire(f"p{number}", nordwind, "Member", hamburg)
    client = api(ada)
    with django_assert_num_queries(6):
        assert len(client.get(USERS).json()["results"]) == count + 1


def test_nobody_changes_their_own_terms(
    api: type[Api], ada: User, bob: User, nordwind: Organization
) -> None:
    client, own = api(ada), f"{USERS}{ada.id}/"
    # The only admin has nobody to ask.
    assert client.send("PATCH", own, {"normal_working_hours": "8.00"}).status_code == 200
    RoleAssignment.objects.filter(user=bob).update(role=role(nordwind, "Admin"))
    for changes in ({"normal_working_hours": "24.00"}, {"employee_number": "1", "city": "x"}):
        assert code(client.send("PATCH", own, changes)) == (403, "own_terms")
    assert client.send("PATCH", own, {"first_name": "Ada"}).status_code == 200
    assert api(bob).send("PATCH", own, {"normal_working_hours": "7.00"}).status_code == 200


def test_if_match_tells_nothing_of_strangers(
    api: type[Api], ada: User, charlie: User, nordwind: Organization
) -> None:
    client = api(ada)
    for user_id in (charlie.id, 999_999):
        answer = client.send("PATCH", f"{USERS}{user_id}/", {}, **{"If-Match": '"x"'})
        assert code(answer) == (404, "not_found")


def test_a_role_is_not_widened_by_who_holds_it(
    api: type[Api], alice: User, nordwind: Organization
) -> None:
    own = role(nordwind, "Member")
    allow(own, "roles", "all_both")
    allow(own, "users", "all_both")
    allow(own, "worktime", "own_read")
    wider = Role.objects.create(organization=nordwind, name="Wider")
    allow(wider, "worktime", "own_both")
    client, body = api(alice), {"permissions": {"worktime": "own_both"}}
    refused = (403, "exceeds_own_permissions")
    assert code(client.send("PATCH", f"/api/roles/{own.id}/", body)) == refused
    roles = {"roles": [own.id, wider.id]}
    assert code(client.send("PUT", f"{USERS}{alice.id}/roles/", roles)) == refused
    # Nor may a reader of all widen their own, who may let others do that.
    allow(own, "worktime", "all_read")
    client = api(alice)
    assert code(client.send("PATCH", f"/api/roles/{own.id}/", body)) == refused
    assert code(client.send("PUT", f"{USERS}{alice.id}/roles/", roles)) == refused
    assert client.send("PATCH", f"/api/roles/{wider.id}/", body).status_code == 200
