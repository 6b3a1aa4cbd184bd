"""Say why somebody may or may not do something."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from accounts.cache import Person, Reach, load_person
from accounts.lookups import find_person
from accounts.models import Entity, User
from filterlists.cache import usable_lists
from organizations.cache import (
    visible_branches,
    visible_invitations,
    visible_join_requests,
    visible_roles,
    visible_users,
)
from organizations.models import Organization
from worktime.cache import visible_worktimes


def _active_organization(person: Person) -> QuerySet[Organization]:
    return Organization.objects.filter(pk=person.acting_role.organization_id)


VISIBLE: Final[dict[Entity, Callable[[Person], QuerySet[Any]]]] = {
    Entity.WORKTIME: visible_worktimes,
    Entity.USERS: visible_users,
    Entity.ROLES: visible_roles,
    Entity.BRANCHES: visible_branches,
    Entity.ORGANIZATION: _active_organization,
    Entity.ORGANIZATION_SETTINGS: _active_organization,
    Entity.JOIN_REQUESTS: visible_join_requests,
    Entity.INVITATIONS: visible_invitations,
    Entity.FILTER_LISTS: usable_lists,
}
REACHES: Final = {Reach.NONE: "nothing", Reach.OWN: "one's own", Reach.ALL: "all"}


class Command(BaseCommand):
    help = "Say which role lets a person do something, or why none does. Exit code 0: may."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="a user name")
        parser.add_argument("action", choices=("read", "write"))
        parser.add_argument("entity", choices=Entity.values)
        parser.add_argument("object", nargs="?", type=int, help="the id of one of these")

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_person(options["user"])
        if user is None:
            raise CommandError(f"There is no user “{options['user']}”.")
        allowed, reason = explain(
            user, options["action"], Entity(options["entity"]), options["object"]
        )
        self.stdout.write(f"{'Yes' if allowed else 'No'}: {reason}")
        if not allowed:
            sys.exit(1)


def explain(user: User, action: str, entity: Entity, object_id: int | None) -> tuple[bool, str]:
    """Return whether the person may, and a sentence that says why."""
    if not user.is_active:
        return False, f"{user} is deactivated."
    person = load_person(user.pk)
    role = person.active_role
    if role is None:
        return False, f"{user} has no active role."
    held = next(each for each in person.roles if each.is_active)
    where = f"{user}'s active role is “{role.name}” of {held.organization.display_name}"
    if not Organization.objects.filter(pk=role.organization_id, is_active=True).exists():
        return False, f"{where}, which is deactivated, so it grants nothing."
    level = "everything (is_admin)" if role.is_admin else str(role.levels[entity])
    reach = (person.reads if action == "read" else person.writes)(entity)
    said = f"{where}; it grants {level} on {entity}: {action}s {REACHES[reach]}."
    if reach is Reach.NONE:
        return False, said
    if object_id is None:
        return True, said
    rows = VISIBLE[entity](person)
    if entity is Entity.FILTER_LISTS and action == "write":
        # Shared ones are for reading.
        rows = rows.filter(user_id=person.id)
    if not rows.filter(pk=object_id).exists():
        if role.branches is not None:
            said += " It covers some branches only."
        return False, f"{said} {object_id} is not within that reach, or does not exist."
    return True, f"{said} {object_id} is within that reach."
