"""Menus of lists come from the cache, fall with every write, and cost the same however long."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from accounts.cache import load_person
from accounts.models import Role, RoleAssignment, User
from config.cache import scope
from filterlists.cache import groups_of, lists_of, look_of, saved_filters, shared_filters
from filterlists.models import FilterGroup, FilterList
from filterlists.services import (
    create_group,
    create_list,
    delete_group,
    delete_list,
    rename_group,
    reorder_lists,
    save_table_settings,
    update_list,
)
from organizations.models import Organization
from tests.conftest import Api
from worktime.tables import WORKTIME

LISTS = "/api/filter-lists/?table=worktime"
# Entries are neither kept nor trusted inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def many(alice: User, nordwind: Organization) -> None:
    """1,500 lists of one table, in 20 groups, a tenth of them shared."""
    key: dict[str, Any] = {"user": alice, "organization": nordwind, "table": "worktime"}
    groups = FilterGroup.objects.bulk_create(
        FilterGroup(name=f"Group {number}", **key) for number in range(20)
    )
    FilterList.objects.bulk_create(
        FilterList(
            name=f"List {number}",
            group=groups[number % 20],
            position=number,
            is_shared=number % 10 == 0,
            conditions=[{"column": "notes", "operator": "contains", "value": "x" * 100}] * 10,
            operators=["OR"] * 9,
            **key,
        )
        for number in range(1500)
    )


def menu(user: User) -> tuple[list[str], list[str]]:
    """Return the names of a person's stored lists and groups, as a new request sees them."""
    person = load_person(user.id)
    with scope():
        lists = [each.name for each in lists_of(person, WORKTIME) if each.id]
        return lists, [each.name for each in groups_of(person, WORKTIME) if each.id]


def test_a_warm_menu_takes_no_query(
    many: None, alice: User, bob: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    for user, count in ((alice, 1500), (bob, 150)):
        person = load_person(user.id)
        for expected in (4, 0, 0) if user is alice else (3, 0, 0):
            with scope() as seen, django_assert_num_queries(expected):
                assert sum(each.id is not None for each in lists_of(person, WORKTIME)) == count
                groups_of(person, WORKTIME)
                look_of(person, WORKTIME)
            assert seen.headers()["X-Cache"] == ("hit" if expected == 0 else "miss")


@pytest.mark.parametrize("fill", [False, True])
def test_query_count(
    request: pytest.FixtureRequest,
    api: type[Api],
    alice: User,
    fill: bool,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    """The same few queries for none and for 1,500; the one that remains is about who calls."""
    if fill:
        request.getfixturevalue("many")
    client = api(alice)
    client.get(LISTS)
    with django_assert_max_num_queries(1) as captured:
        rows = client.get(LISTS).json()["results"]
    assert len(rows) == 5 + (1500 if fill else 0)
    assert not [each["sql"] for each in captured if "filterlists" in each["sql"]]


@pytest.mark.parametrize("count", [0, 1000])
def test_computed_groups_store_nothing(
    api: type[Api],
    bob: User,
    nordwind: Organization,
    count: int,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    """A page of people takes as many queries for three as for a thousand."""
    member = Role.objects.get(organization=nordwind, name="Member")
    people = User.objects.bulk_create(
        User(username=f"person-{number:04}") for number in range(count)
    )
    RoleAssignment.objects.bulk_create(
        RoleAssignment(user=person, role=member) for person in people
    )
    client = api(bob)
    client.get(LISTS)
    with django_assert_max_num_queries(7):
        page = client.get(LISTS, {"table": "worktime", "group": "people", "limit": "200"}).json()
    assert len(page["results"]) == min(200, 2 + count)
    assert FilterList.objects.count() == FilterGroup.objects.count() == 0


def test_every_write_shows_at_once(alice: User, bob: User) -> None:
    alices, person = load_person(alice.id), {"person": load_person(alice.id)}
    assert menu(alice) == menu(bob) == ([], [])
    one = create_list(**person, table=WORKTIME, fields={"name": "One"})
    two = create_list(**person, table=WORKTIME, fields={"name": "Two"})
    assert menu(alice)[0] == ["One", "Two"]
    group = create_group(**person, table=WORKTIME, name="G")
    assert menu(alice)[1] == ["G"]
    rename_group(**person, group_id=group.id, name="H")
    assert menu(alice)[1] == ["H"]
    reorder_lists(**person, table=WORKTIME, group_id=None, ids=[two.id, one.id])
    assert menu(alice)[0] == ["Two", "One"]
    update_list(**person, list_id=two.id, changes={"is_shared": True})
    assert menu(bob)[0] == ["Two"]
    update_list(**person, list_id=two.id, changes={"name": "Three"})
    assert (menu(alice)[0], menu(bob)[0]) == (["Three", "One"], ["Three"])
    update_list(**person, list_id=two.id, changes={"is_shared": False})
    assert menu(bob)[0] == []
    update_list(**person, list_id=two.id, changes={"is_shared": True})
    assert menu(bob)[0] == ["Three"]
    delete_list(**person, list_id=two.id)
    assert (menu(alice)[0], menu(bob)[0]) == (["One"], [])
    delete_group(**person, group_id=group.id)
    assert menu(alice)[1] == []
    assert look_of(alices, WORKTIME).sort == ""
    save_table_settings(**person, table=WORKTIME, look={"sort": "id"})
    assert look_of(alices, WORKTIME).sort == "id"


def test_the_admin_tells_the_caches(alice: User, bob: User, nordwind: Organization) -> None:
    operator = get_user_model().objects.create_superuser("root", "root@example.org")
    row = create_list(
        person=load_person(alice.id), table=WORKTIME, fields={"name": "One", "is_shared": True}
    )
    assert menu(bob)[0] == ["One"]
    client = Client()
    client.force_login(operator)
    page = f"/admin/filterlists/filterlist/{row.id}/"
    assert client.get(f"{page}change/").status_code == 200
    assert client.post(f"{page}change/", {"name": "Two", "is_shared": "on"}).status_code == 302
    assert menu(bob)[0] == menu(alice)[0] == ["Two"]
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 302
    assert menu(bob)[0] == menu(alice)[0] == []
    for name in ("filterlist", "filtergroup", "tablesettings"):
        assert client.get(f"/admin/filterlists/{name}/").status_code == 200


def test_the_admin_refuses_a_name_that_is_taken(alice: User, ada: User) -> None:
    ada.is_staff = ada.is_superuser = True
    ada.save()
    for name in ("One", "Two"):
        row = create_list(person=load_person(alice.id), table=WORKTIME, fields={"name": name})
    client = Client()
    client.force_login(ada)
    page = client.post(f"/admin/filterlists/filterlist/{row.id}/change/", {"name": "ONE"})
    assert page.status_code == 200
    assert "This person has a list of this name already." in page.content.decode()
    assert menu(alice)[0] == ["One", "Two"]


def test_the_longest_menu_is_kept(alice: User, nordwind: Organization) -> None:
    """2,000 lists with names as long as they may be fit into an entry."""
    FilterList.objects.bulk_create(
        FilterList(
            user=alice, organization=nordwind, table="worktime", name=f"{number:04}" + "漢" * 96
        )
        for number in range(2000)
    )
    for cache in (saved_filters, shared_filters):
        cache.counts.clear()
    for _ in range(2):
        assert len(menu(alice)[0]) == 2000
    assert saved_filters.counts["not_kept"] == 0
    assert saved_filters.counts["hits"] == 1
