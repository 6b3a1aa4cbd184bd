"""Watches the caches of two processes while something changes: none may lie."""

from itertools import count

from django.utils import timezone
from knox.crypto import hash_token

from accounts.models import Role
from tests.api.world import World, make_world
from tests.pages.other import Key, Other, lies, truth_of
from worktime.periods import week_of

_numbers = count()


def new_world() -> World:
    """Make a world whose people have names of their own."""
    return make_world(f"w{next(_numbers)}")


def keys_of(world: World) -> list[Key]:
    """Return what caches may be asked about a world."""
    organization_id, keys = world.organization.pk, list[Key]()
    week = week_of(timezone.now().date()).name
    for user in (world.admin, world.lead, world.member):
        keys += [
            ("people", (user.pk, None)),
            ("profiles", user.pk),
            ("chosen branches", user.pk),
            ("own branches", user.pk),
        ]
    for user in (world.admin, world.member):
        keys += [("active worktimes", user.pk), ("own periods", (user.pk, "week", week))]
    admin_role = Role.objects.get(organization=world.organization, is_admin=True)
    return [
        *keys,
        ("own periods", (world.member.pk, "week", "2026-W10")),
        ("people", (world.admin.pk, admin_role.pk)),
        ("organizations", organization_id),
        ("saved_filters", (world.admin.pk, organization_id, "worktime")),
        ("shared_filters", (organization_id, "worktime")),
        *(("tokens", hash_token(secret)) for secret in world.tokens.values()),
    ]


class Watch:
    """Keeps caches warm in two processes; `changed` says what a write changed, and none may lie."""

    def __init__(self, world: World, other: Other) -> None:
        self._keys, self._other = keys_of(world), other
        self._truth = self._checked()

    def changed(self) -> set[str]:
        """Return the names of caches that had to fall since the last time; all have."""
        before, self._truth = self._truth, self._checked()
        pairs = zip(self._keys, before, self._truth, strict=True)
        return {key[0] for key, old, new in pairs if old != new}

    def _checked(self) -> list[str]:
        truth = truth_of(self._keys)
        for found in (lies(self._keys, truth), self._other.lies(self._keys, truth)):
            assert not found, found
        return truth
