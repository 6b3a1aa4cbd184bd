"""`manage.py filterlist explain`: what a list means to somebody, and its SQL."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from filterlists.models import FilterList
from organizations.models import Organization


def explained(*args: str) -> str:
    out = StringIO()
    call_command("filterlist", "explain", *args, stdout=out)
    return out.getvalue()


def keep(user: User, organization: Organization, *conditions: dict[str, object]) -> str:
    row = FilterList.objects.create(
        user=user,
        organization=organization,
        table="worktime",
        name="L",
        conditions=list(conditions),
        operators=["AND", "OR"][: len(conditions) - 1],
    )
    return str(row.id)


def test_it_works(alice: User, nordwind: Organization) -> None:
    key = keep(
        alice,
        nordwind,
        {"column": "started_at", "operator": "equals", "value": "@today-7"},
        {"column": "user", "operator": "in", "value": ["@me", 7]},
        {"column": "notes", "operator": "contains", "value": "50%"},
    )
    lines = explained(key, "--as", "ALICE").splitlines()
    assert lines[0].startswith("worktime, for alice as Member, ")
    assert lines[1].startswith("  started_at equals @today-7 (from ")
    assert lines[2] == f"  AND user in @me ({alice.id}), 7"
    assert lines[3] == '  OR notes contains "50%"'
    assert f'"organization_id" = {nordwind.id}' in lines[4]
    assert "50%" in lines[4]


def test_a_computed_list(alice: User) -> None:
    assert "  ended_at is_empty" in explained(
        "standard:running", "--as", "alice", "--table", "worktime"
    )
    assert "everything" in explained("standard:all", "--as", "alice", "--table", "worktime")


def test_nothing_can_pass(alice: User, nordwind: Organization) -> None:
    """For who may see nothing, and for what stands for nothing."""
    alice.branch_assignments.update(is_active_branch=False)
    key = keep(alice, nordwind, {"column": "branch", "operator": "equals", "value": "@my_branch"})
    for arguments in ((key,), ("standard:open", "--table", "invitations")):
        lines = explained(*arguments, "--as", "alice").splitlines()
        assert lines[-1] == "-- Nothing can pass, so the database is not asked."


def test_who_may_not_run_it(alice: User, bob: User, nordwind: Organization) -> None:
    key = keep(alice, nordwind)
    for arguments in (
        (key, "--as", "bob"),
        ("99", "--as", "alice"),
        ("9" * 5000, "--as", "alice"),
        (key, "--as", "nobody"),
    ):
        with pytest.raises(CommandError):
            explained(*arguments)


def test_a_list_that_is_not_valid_any_more(alice: User, nordwind: Organization) -> None:
    key = keep(alice, nordwind, {"column": "gone", "operator": "equals", "value": 1})
    with pytest.raises(CommandError, match=r"conditions\.0"):
        explained(key, "--as", "alice")
