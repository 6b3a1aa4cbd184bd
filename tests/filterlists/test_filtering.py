"""`?filter=` and `?conditions=` on lists: they narrow, and refuse what they do not understand."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import CharField, F, Func

from accounts.cache import load_person
from accounts.models import AccessLevel, Permission, Role, RoleAssignment, User
from config.api.pagination import KeysetPagination
from config.api.tables import TableFilter, Text, all_tables, parse_filter
from filterlists.cache import asker_of
from organizations.models import Branch, BranchAssignment
from tests.api.test_table import views
from tests.conftest import Api
from tests.worktime.test_list import work
from worktime.models import WorkTime
from worktime.tables import WORKTIME
from worktime.views.records import WorkTimeListView

LIST = "/api/worktime/"


def document(*conditions: tuple[Any, ...], operators: list[str] | None = None) -> str:
    named = [dict(zip(("column", "operator", "value"), each, strict=False)) for each in conditions]
    gaps = ["AND"] * (len(named) - 1)
    return json.dumps({"conditions": named, "operators": gaps if operators is None else operators})


def found(client: Api, path: str, *conditions: tuple[Any, ...], **parameters: str) -> list[int]:
    response = client.get(path, {"conditions": document(*conditions), **parameters})
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def test_every_list_takes_filters() -> None:
    """Only one's own tokens and the lists of lists have no table."""
    lists = {
        view.view_class
        for _, view in views()
        if getattr(getattr(view, "view_class", None), "pagination_class", None) is KeysetPagination
    }
    without = {view.__name__ for view in lists if TableFilter not in view.filter_backends}
    assert without == {"TokenListView", "FilterListsView"}
    tables = {view.table.name for view in lists if TableFilter in view.filter_backends}
    assert tables == set(all_tables())


def test_and_binds_tighter_than_or(api: type[Api], alice: User) -> None:
    work(alice, 3)
    oldest, _, newest = WorkTime.objects.order_by("started_at")
    WorkTime.objects.filter(pk=oldest.pk).update(notes="a")
    WorkTime.objects.filter(pk=newest.pk).update(notes="b", source="manual")
    parts = [("notes", "equals", "a"), ("notes", "equals", "b"), ("source", "equals", "live")]
    response = api(alice).get(LIST, {"conditions": document(*parts, operators=["OR", "AND"])})
    assert [row["id"] for row in response.json()["results"]] == [oldest.pk]
    parts[2] = ("source", "equals", "manual")
    response = api(alice).get(LIST, {"conditions": document(*parts, operators=["OR", "AND"])})
    assert [row["id"] for row in response.json()["results"]] == [newest.pk, oldest.pk]


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_days_go_by_the_scopes_index(who: str, alice: User, bob: User) -> None:
    """The bounds of the days are what an index is searched for, not a filter on each row."""
    person = load_person({"alice": alice, "bob": bob}[who].id)
    asker = asker_of(person)
    this_week = {"column": "started_at", "operator": "equals", "value": "@this_week"}
    wanted = parse_filter(WORKTIME, [this_week], [], asker).q(asker)
    page = WORKTIME.visible(person).filter(wanted).order_by("-started_at", "-id")[:51]
    # Enough rows, and statistics of them, for the planner to have a choice that matters.
    for user in (alice, bob):
        work(user, 1500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE worktime_worktime")
    plan = page.explain()
    assert "using worktime_of_" in plan
    [searched] = [line for line in plan.splitlines() if "Index Cond" in line]
    assert searched.count("started_at") == 2


def test_too_slow_a_filter_is_a_clear_503(api: type[Api], bob: User) -> None:
    work(bob, 1)
    client = api(bob)
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION pg_temp.slow(text) RETURNS text IMMUTABLE LANGUAGE sql
            AS $$ SELECT pg_sleep(9)::text $$
        """)
    slow = Text(
        name="notes", path=Func(F("notes"), function="pg_temp.slow", output_field=CharField())
    )
    table = replace(WORKTIME, columns=(slow,))
    with patch.object(WorkTimeListView, "table", table), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 100")
        response = client.get(LIST, {"conditions": document(("notes", "contains", "x"))})
    assert (response.status_code, response.json()["code"]) == (503, "statement_timeout")
    assert int(response["Retry-After"]) > 0


def test_both_parameters_narrow(api: type[Api], alice: User) -> None:
    work(alice, 2)
    assert found(api(alice), LIST, ("notes", "is_empty"), filter="standard:running") == []
    assert len(found(api(alice), LIST, ("notes", "is_empty"), filter="standard:all")) == 2


def test_pages_keep_their_filter(api: type[Api], alice: User) -> None:
    work(alice, 5)
    client = api(alice)
    keep = document(("started_at", "on_or_after", "2026-02-27"))
    first = client.get(LIST, {"conditions": keep, "limit": "2"}).json()
    second = client.get(first["next"]).json()
    assert [len(first["results"]), len(second["results"]), second["next"]] == [2, 2, None]
    other = client.get(first["next"].replace("2026-02-27", "2026-02-26"))
    assert (other.status_code, other.json()["errors"][0]["field"]) == (400, "cursor")


def test_a_day_is_the_callers(api: type[Api], alice: User, bob: User) -> None:
    """22:30 UTC on Saturday is Sunday in Zurich, where the night to Sunday has 23 hours."""
    User.objects.filter(pk=alice.pk).update(time_zone="Europe/Zurich")
    branch = alice.branch_assignments.get().branch
    record = WorkTime.objects.create(
        user=alice,
        organization=branch.organization,
        branch=branch,
        started_at=datetime(2026, 3, 28, 23, 30, tzinfo=UTC),
        ended_at=datetime(2026, 3, 29, 21, 59, tzinfo=UTC),
        time_zone="UTC",
    )
    sunday, saturday = ("equals", "2026-03-29"), ("equals", "2026-03-28")
    assert found(api(alice), LIST, ("started_at", *sunday), ("ended_at", *sunday)) == [record.pk]
    assert found(api(bob), LIST, ("started_at", *saturday)) == [record.pk]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"filter": ["1", "2"]}, "filter"),
        ({"conditions": ["{}", "{}"]}, "conditions"),
        ({"conditions": ""}, "conditions"),
        ({"conditions": "[]"}, "conditions"),
        ({"conditions": "{}"}, "conditions"),
        ({"conditions": "[" * 16384}, "conditions"),
        ({"conditions": '{"conditions": [], "limit": 5}'}, "conditions"),
        ({"conditions": '{"conditions": [NaN]}'}, "conditions"),
        ({"conditions": '{"conditions": [' + "9" * 5000 + "]}"}, "conditions"),
        ({"conditions": '{"conditions": []}' + " " * 16384}, "conditions"),
        ({"conditions": document(*[("notes", "is_empty")] * 51)}, "conditions"),
        ({"conditions": document(("notes", "is_empty"), operators=["AND"])}, "operators"),
        ({"conditions": document(*[("notes", "is_empty")] * 2, operators=["XOR"])}, "operators"),
    ],
)
def test_what_is_no_filter(api: type[Api], alice: User, query: dict[str, Any], field: str) -> None:
    response = api(alice).get(LIST, query)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_filter")
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "key", ["", "0", "-1", "x", "9" * 30, "standard:", "standard:nope", "person:x", "person:", "٣"]
)
def test_a_list_that_does_not_exist(api: type[Api], alice: User, key: str) -> None:
    assert api(alice).get(LIST, {"filter": key}).status_code == 404


@pytest.mark.parametrize(
    "condition",
    [
        ("started_at", "equals", "2026-02-30"),
        ("started_at", "equals", "2026-03-01T08:00:00"),
        ("started_at", "equals", "1899-12-31"),
        ("started_at", "equals", "20260301"),
        ("started_at", "equals", "٢٠٢٦-03-01"),
        ("started_at", "equals", "@today-99999"),
        ("started_at", "equals", "@me"),
        ("started_at", "equals", None),
        ("started_at", "equals"),
        ("started_at", "between", ["2026-03-01"]),
        ("started_at", "contains", "2026"),
        ("user", "equals", "@today"),
        ("user", "equals", "1"),
        ("user", "equals", True),
        ("user", "equals", 1.5),
        ("user", "equals", 2**63),
        ("user", "equals", {"id": 1}),
        ("user", "is_empty"),
        ("notes", "equals", "a\x00"),
        ("notes", "equals", "\ud800"),
        ("notes", "equals", "x" * 501),
        ("notes", "contains", ""),
        ("notes", "in", []),
        ("notes", "in", ["x"] * 101),
        ("notes", "in", "x"),
        ("notes", "is_empty", ""),
        ("duration_seconds", "before", "7"),
        ("duration_seconds", "before", 1e13),
        ("duration_seconds", "before", 0.1234567),
        ("source", "equals", "LIVE"),
        ("password", "starts_with", "pbkdf2"),
        ("user__password", "starts_with", "pbkdf2"),
        ("notes__regex", "equals", "(a+)+$"),
        ("organization", "equals", 1),
        ({}, [], []),
    ],
    ids=repr,
)
def test_a_wrong_condition_is_named(
    api: type[Api], alice: User, condition: tuple[Any, ...]
) -> None:
    response = api(alice).get(LIST, {"conditions": document(("notes", "is_empty"), condition)})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_filter")
    [error] = response.json()["errors"]
    assert (error["field"], error["index"]) == ("conditions.1", 1)
    assert error["allowed"]


def test_my_branch_and_my_role(api: type[Api], bob: User, alice: User, hamburg: Branch) -> None:
    work(alice, 1)
    client = api(bob)
    assert len(found(client, LIST, ("branch", "equals", "@my_branch"))) == 1
    assert found(client, LIST, ("role", "equals", "@my_role")) == []
    assert found(client, LIST, ("user", "equals", "@me")) == []
    BranchAssignment.objects.filter(user=bob).update(is_active_branch=False)
    assert found(client, LIST, ("branch", "equals", "@my_branch")) == []
    assert len(found(client, LIST, ("branch", "not_equals", "@my_branch"))) == 1


def test_roles_held_elsewhere_cannot_be_found_out(
    api: type[Api], ada: User, alice: User, charlie: User
) -> None:
    """An id of another organisation answers as one that does not exist."""
    work(alice, 1)
    work(charlie, 1)
    foreign = charlie.role_assignments.get().role
    RoleAssignment.objects.create(user=alice, role=foreign)
    BranchAssignment.objects.create(user=alice, branch=charlie.branch_assignments.get().branch)
    branch = charlie.branch_assignments.get().branch_id
    client = api(ada)
    for path, column, row_id in (
        ("/api/users/", "role", foreign.id),
        ("/api/users/", "branch", branch),
        (LIST, "role", foreign.id),
        (LIST, "branch", branch),
        (LIST, "user", charlie.id),
    ):
        assert found(client, path, (column, "equals", row_id)) == []
        everyone = found(client, path, (column, "not_equals", row_id))
        assert everyone == found(client, path, (column, "not_equals", 2**62))


def test_birthdays_are_for_who_may_write_people(api: type[Api], ada: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(birthday="2000-01-02")
    wanted = ("birthday", "equals", "2000-01-02")
    assert found(api(ada), "/api/users/", wanted) == [bob.pk]
    response = api(bob).get("/api/users/", {"conditions": document(wanted)})
    [error] = response.json()["errors"]
    assert (error["code"], error["column"]) == ("column_not_allowed", "birthday")
    assert "birthday" not in error["allowed"]


def test_ordering_comes_from_the_table(api: type[Api], bob: User, alice: User) -> None:
    work(alice, 2)
    WorkTime.objects.create(
        user=bob,
        organization=bob.branch_assignments.get().branch.organization,
        branch=bob.branch_assignments.get().branch,
        started_at=datetime.now(UTC) - timedelta(hours=1),
        time_zone="UTC",
    )
    for name in all_tables()["worktime"].ordering_columns:
        client = api(bob)
        up = client.get(LIST, {"ordering": name, "limit": "2"}).json()
        down = client.get(LIST, {"ordering": f"-{name}"}).json()["results"]
        following = client.get(up["next"]).json()["results"]
        ids = [row["id"] for row in [*up["results"], *following]]
        assert ids == [row["id"] for row in down][::-1], name


def test_the_export_is_filtered(api: type[Api], alice: User) -> None:
    work(alice, 3)
    keep = {"format": "csv", "conditions": document(("started_at", "before", "2026-03-01"))}
    response: Any = api(alice).get("/api/worktime/export/", keep)
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert len(lines) == 1 + 1
    assert api(alice).get("/api/worktime/export/", {**keep, "filter": "9"}).status_code == 404


def test_someone_without_a_role_sees_their_own_requests(
    api: type[Api], db: None, nordwind: Any
) -> None:
    walter = User.objects.create(username="walter", email="walter@example.org")
    client = api(walter)
    asked = client.post_json("/api/join-requests/", {"organization": nordwind.id})
    assert asked.status_code == 201
    pending = ("status", "equals", "pending")
    assert found(client, "/api/join-requests/", pending) == [asked.json()["id"]]
    assert found(client, "/api/join-requests/", ("role", "equals", "@my_role")) == []


def test_a_role_without_worktime(api: type[Api], alice: User) -> None:
    role: Role = alice.role_assignments.get().role
    Permission.objects.filter(role=role, entity="worktime").update(access_level=AccessLevel.NONE)
    assert api(alice).get(LIST, {"filter": "standard:all"}).status_code == 403
