"""A caller who loses a right between being let in and COMMIT does nothing, on every route.

Each schedule is compared with the one in which the right was lost before the request came.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from accounts.models import Permission, Role, RoleAssignment, User
from accounts.services import lock_person, log_out_everywhere, revoke_token
from config.api.views import APIView
from config.db.retry import write
from organizations.models import BranchAssignment, Organization
from organizations.services import operators
from organizations.services.people import set_active
from organizations.services.switching import switch_role
from tests.api.table import ACTORS, TABLE
from tests.api.test_table import ask, client_of
from tests.api.world import World, make_world

CALLERS = ("member", "lead", "admin", "write")
UNSAFE = [row for row in TABLE if row.method != "GET"]


def user_of(actor: str, world: World) -> User:
    return world.admin if actor == "write" else getattr(world, actor)


@write
def deactivated(world: World, user: User) -> None:
    locked = lock_person(user.id, ends_rights=True)
    set_active(user=locked, organizations=[], is_active=False, by=None)


@write
def dismissed(world: World, user: User) -> None:
    with operators.membership_of(user, []):
        user.role_assignments.all().delete()
        user.branch_assignments.all().delete()


@write
def demoted(world: World, user: User) -> None:
    role = user.role_assignments.get(is_active_role=True).role
    operators.begin_role_change(role)
    Permission.objects.filter(role=role).delete()
    role.is_admin = False
    role.save()
    operators.role_changed(role)


@write
def closed(world: World, user: User) -> None:
    organization = Organization.objects.get(pk=world.organization.pk)
    organization.is_active = False
    organization.save()
    operators.organization_changed(organization, was_closed=True)


def logged_out(world: World, user: User) -> None:
    log_out_everywhere(user_id=user.id)


def with_another_password(world: World, user: User) -> None:
    row = User.objects.get(pk=user.pk)
    row.set_password("an0ther-secret")
    row.save()


def elsewhere(world: World, user: User) -> None:
    switch_role(user_id=user.id, role_id=Role.objects.get(name="Elsewhere").id)


def without_token(world: World, user: User) -> None:
    for token_id in list(user.auth_token_set.values_list("id", flat=True)):
        revoke_token(user_id=user.id, token_id=token_id)


WAYS: tuple[Callable[[World, User], None], ...] = (
    deactivated,
    dismissed,
    demoted,
    closed,
    logged_out,
    with_another_password,
    elsewhere,
    without_token,
)


@pytest.fixture
def world(db: None) -> World:
    """Everybody has a role of a second organisation too, where they may do everything."""
    world = make_world("nordwind")
    other = make_world("suedwind")
    role = Role.objects.create(organization=other.organization, name="Elsewhere", is_admin=True)
    for user in (world.admin, world.lead, world.member):
        RoleAssignment.objects.create(user=user, role=role)
    # One more admin, so that the last one is not what saves the organisation.
    spare = User.objects.create(username="spare", email="spare@example.org")
    admin = Role.objects.create(organization=world.organization, name="Second admin", is_admin=True)
    RoleAssignment.objects.create(user=spare, role=admin, is_active_role=True)
    BranchAssignment.objects.create(user=spare, branch_id=world.ids["branch"])
    return world


@cache
def _sums() -> str:
    tables = {each._meta.db_table for each in apps.get_models(include_auto_created=True)}
    sums = (
        f"SELECT '{table}', count(*), md5(string_agg(row::text, '' ORDER BY row::text))"
        f" FROM {table} AS row"
        for table in sorted(tables - {"django_session"})
    )
    return " UNION ALL ".join(sums)


def stored() -> list[Any]:
    """Return a sum of each table, but for sessions, which are touched by looking."""
    with connection.cursor() as cursor:
        cursor.execute(_sums())
        return list(cursor.fetchall())


@contextmanager
def undone() -> Iterator[None]:
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)


@pytest.mark.parametrize("actor", CALLERS)
@pytest.mark.parametrize("lose", WAYS, ids=lambda way: way.__name__)
def test_lost_in_between(
    world: World, monkeypatch: pytest.MonkeyPatch, lose: Callable[..., None], actor: str
) -> None:
    user = user_of(actor, world)
    let_in = APIView.initial
    meanwhile: list[Callable[[], None]] = []

    def interrupted(view: APIView, *args: Any, **kwargs: Any) -> None:
        let_in(view, *args, **kwargs)
        while meanwhile:
            meanwhile.pop()()

    monkeypatch.setattr(APIView, "initial", interrupted)
    lost: list[Any] = []

    def lose_it() -> None:
        lose(world, user)
        lost.append(stored())

    schedules = 0
    for row in UNSAFE:
        if row.statuses.split()[ACTORS.index(actor)] not in {"200", "201", "204"}:
            continue
        with undone():
            client = client_of(actor, world, world)
            lose(world, user)
            expected = ask(client, row, world.ids, world.ids).status_code
        with undone():
            client = client_of(actor, world, world)
            meanwhile.append(lose_it)
            answer = ask(client, row, world.ids, world.ids)
            assert not meanwhile
            assert (str(row), answer.status_code) == (str(row), expected), answer.content
            if expected >= 400:
                assert stored() == lost.pop(), row
        schedules += 1
    assert schedules > 5
