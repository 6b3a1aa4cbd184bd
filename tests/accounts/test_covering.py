"""Whether a role may give another one: every level of every entity, to oneself and to others."""

from datetime import UTC, datetime
from itertools import product

import pytest

from accounts.cache import ActiveRole
from accounts.models import AccessLevel, Entity

NOTHING = dict.fromkeys(Entity.values, AccessLevel.NONE)
SINCE = datetime(2026, 3, 2, tzinfo=UTC)

# What a level lets do, and so what giving it gives.
DOES = {
    "none": set[str](),
    "own_read": {"read own"},
    "own_both": {"read own", "write own"},
    "all_read": {"read own", "read all"},
    "all_both": {"read own", "write own", "read all", "write all"},
}
ABOUT_ONESELF = {"worktime", "users", "filter_lists"}


def role(*, is_admin: bool = False, organization: int = 1, **levels: str) -> ActiveRole:
    return of_levels(levels, is_admin=is_admin, organization=organization)


def of_levels(
    levels: dict[str, str], *, is_admin: bool = False, organization: int = 1
) -> ActiveRole:
    given = {entity: AccessLevel(level) for entity, level in levels.items()}
    return ActiveRole(1, "", organization, is_admin, None, {**NOTHING, **given}, SINCE)


@pytest.mark.parametrize("to_oneself", [True, False])
@pytest.mark.parametrize("entity", Entity.values)
def test_every_level(entity: str, to_oneself: bool) -> None:
    for own, given in product(DOES, DOES):
        lacking = DOES[given] - DOES[own]
        if not to_oneself and entity in ABOUT_ONESELF and "read all" in DOES[own]:
            lacking -= {"write own"}
        covered = of_levels({entity: own}).covers(of_levels({entity: given}), to_oneself=to_oneself)
        assert covered is not bool(lacking), (own, given)


@pytest.mark.parametrize("to_oneself", [True, False])
@pytest.mark.parametrize(
    ("own", "other", "covered"),
    [
        (role(), role(), True),
        (role(roles="all_both"), role(roles="all_both", branches="own_read"), False),
        (role(is_admin=True), role(is_admin=True), True),
        (role(is_admin=True), role(organization=2), False),
        (role(users="all_both"), role(is_admin=True), False),
    ],
)
def test_whole_roles(own: ActiveRole, other: ActiveRole, covered: bool, to_oneself: bool) -> None:
    assert own.covers(other, to_oneself=to_oneself) is covered


def limited(*branches: int) -> ActiveRole:
    return ActiveRole(1, "", 1, False, frozenset(branches), NOTHING, SINCE)


def test_branches() -> None:
    everywhere = ActiveRole(1, "", 1, False, None, NOTHING, SINCE)
    assert everywhere.covers(limited(1), to_oneself=True)
    assert limited(1, 2).covers(limited(2), to_oneself=True)
    assert not limited(1).covers(limited(2), to_oneself=False)
    assert not limited(1).covers(everywhere, to_oneself=False)
