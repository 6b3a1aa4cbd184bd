"""A list keeps its meaning when what is around it changes, or says what it may not any more."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import AccessLevel, Permission, Role, RoleAssignment, User
from filterlists.models import FilterList
from organizations.models import Organization
from tests.conftest import Api
from tests.filterlists.test_lists import body, saved
from tests.worktime.test_list import work
from worktime.models import WorkTime

LISTS = "/api/filter-lists/"


def ids(client: Api, made: dict[str, Any]) -> list[int]:
    response = client.get(f"/api/{made['table']}/", {"filter": made["key"]})
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def switch(client: Api, role: Role) -> None:
    assert client.send("PUT", "/api/me/active-role/", {"role": role.id}).status_code == 200


def test_a_role_switch(api: type[Api], alice: User, bob: User, nordwind: Organization) -> None:
    """The same list of the same records; what it runs over is what the role sees."""
    work(alice, 2)
    work(bob, 2)
    client = api(bob)
    condition = {"column": "started_at", "operator": "before", "value": "2026-03-02"}
    made = saved(client, conditions=[condition])
    as_lead = ids(client, made)
    assert len(as_lead) == 2
    member = Role.objects.get(organization=nordwind, name="Member")
    RoleAssignment.objects.create(user=bob, role=member)
    switch(client, member)
    as_member = ids(client, made)
    assert len(as_member) == 1
    assert set(as_member) < set(as_lead)
    assert client.get(f"{LISTS}{made['id']}/").json() == made
    switch(client, Role.objects.get(organization=nordwind, name="Lead"))
    assert ids(client, made) == as_lead


def test_a_column_that_the_role_may_not_use(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    client = api(ada)
    condition = {"column": "birthday", "operator": "is_empty"}
    made = saved(client, table="users", conditions=[condition])
    lead = Role.objects.get(organization=nordwind, name="Lead")
    RoleAssignment.objects.create(user=ada, role=lead)
    switch(client, lead)
    response = client.get("/api/users/", {"filter": made["key"]})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_filter")
    [error] = response.json()["errors"]
    assert (error["field"], error["column"]) == ("filter.conditions.0", "birthday")
    assert error["code"] == "column_not_allowed"
    [problem] = client.get(f"{LISTS}{made['id']}/").json()["problems"]
    assert (problem["index"], problem["code"]) == (0, "column_not_allowed")
    # A rename is no reason to refuse; new conditions are.
    one = f"{LISTS}{made['id']}/"
    assert client.send("PATCH", one, {"name": "Renamed"}).status_code == 200
    assert client.send("PATCH", one, {"conditions": [condition]}).status_code == 400
    switch(client, Role.objects.get(organization=nordwind, name="Admin"))
    assert len(ids(client, made)) == 1


def test_a_deactivated_person(api: type[Api], ada: User, alice: User) -> None:
    work(alice, 2)
    about_alice = {"column": "user", "operator": "equals", "value": alice.id}
    made = saved(api(ada), conditions=[about_alice])
    shared = saved(api(alice), "Shared", is_shared=True, conditions=[about_alice])
    before = ids(api(ada), made)
    assert len(before) == 2
    response = api(ada).send("PATCH", f"/api/users/{alice.id}/", {"is_active": False})
    assert response.status_code == 200
    assert ids(api(ada), made) == before
    assert ids(api(ada), shared) == before


def test_another_time_zone(api: type[Api], alice: User) -> None:
    """The list says `@today` as before; which day that is depends on where one is.

    Midnights of the two zones are 10 or 14 hours apart, so some record is always of one day only.
    """
    branch = alice.branch_assignments.get().branch
    now = datetime.now(UTC)
    made = saved(
        api(alice), conditions=[{"column": "started_at", "operator": "equals", "value": "@today"}]
    )
    for hours in range(-30, 31, 3):
        start = now + timedelta(hours=hours)
        WorkTime.objects.create(
            user=alice,
            organization=branch.organization,
            branch=branch,
            started_at=start,
            ended_at=start + timedelta(hours=1),
            time_zone="UTC",
        )
    days = {}
    for zone in ("Asia/Tokyo", "America/Bogota"):
        changed = api(alice).send("PATCH", "/api/me/profile/", {"time_zone": zone})
        assert changed.status_code == 200
        days[zone] = ids(api(alice), made)
        assert len(days[zone]) == 8
    assert days["Asia/Tokyo"] != days["America/Bogota"]
    assert FilterList.objects.get().conditions[0]["value"] == "@today"


def test_a_list_of_an_older_release(api: type[Api], alice: User, nordwind: Organization) -> None:
    """A column that is gone is named, never skipped."""
    row = FilterList.objects.create(
        user=alice,
        organization=nordwind,
        table="worktime",
        name="Old",
        conditions=[*body()["conditions"], {"column": "gone", "operator": "equals", "value": 1}],
        operators=["OR"],
    )
    response = api(alice).get("/api/worktime/", {"filter": str(row.id)})
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert (error["field"], error["code"]) == ("filter.conditions.1", "unknown_column")
    FilterList.objects.update(table="gone")
    assert api(alice).get(f"{LISTS}{row.id}/").status_code == 404
    assert api(alice).send("PATCH", f"{LISTS}{row.id}/", {"name": "x"}).status_code == 404
    assert api(alice).send("DELETE", f"{LISTS}{row.id}/").status_code == 204


def test_permissions_that_shrink(api: type[Api], alice: User, bob: User) -> None:
    work(alice, 1)
    made = saved(api(bob), conditions=[])
    assert len(ids(api(bob), made)) == 1
    Permission.objects.filter(role__assignments__user=bob, entity="worktime").update(
        access_level=AccessLevel.OWN_BOTH
    )
    assert ids(api(bob), made) == []
