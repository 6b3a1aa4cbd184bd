"""Whether a role may give another one."""

import pytest

from accounts.cache import ActiveRole
from accounts.models import AccessLevel, Entity

NOTHING = dict.fromkeys(Entity.values, AccessLevel.NONE)


def role(*, is_admin: bool = False, organization: int = 1, **levels: str) -> ActiveRole:
    given = {entity: AccessLevel(level) for entity, level in levels.items()}
    return ActiveRole(1, "", organization, is_admin, None, {**NOTHING, **given})


@pytest.mark.parametrize(
    ("own", "other", "covered"),
    [
        (role(), role(), True),
        (role(users="all_both"), role(users="own_read"), True),
        (role(users="own_both"), role(users="all_read"), False),
        (role(users="all_read"), role(users="all_both"), False),
        (role(users="all_read"), role(users="own_both"), True),
        (role(invitations="all_read"), role(invitations="own_both"), False),
        (role(roles="all_both"), role(roles="all_both", branches="own_read"), False),
        (role(is_admin=True), role(is_admin=True), True),
        (role(is_admin=True), role(organization=2), False),
        (role(users="all_both"), role(is_admin=True), False),
    ],
)
def test_levels(own: ActiveRole, other: ActiveRole, covered: bool) -> None:
    assert own.covers(other) is covered


def limited(*branches: int) -> ActiveRole:
    return ActiveRole(1, "", 1, False, frozenset(branches), NOTHING)


def test_branches() -> None:
    everywhere = ActiveRole(1, "", 1, False, None, NOTHING)
    assert everywhere.covers(limited(1))
    assert limited(1, 2).covers(limited(2))
    assert not limited(1).covers(limited(2))
    assert not limited(1).covers(everywhere)
