"""Reads about filter lists: a person's own, what is shared with them, and what is never stored."""

from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.http import Http404
from django.utils import timezone
from rest_framework.request import Request

from accounts.cache import Person, Reach, person_fact
from accounts.models import Entity, Role, User
from accounts.permissions import caller
from config.api.reads import Known, Reads
from config.api.tables import Asker, Table, all_tables, describe
from config.cache import Cache, depends_on, prefetch
from filterlists.models import (
    FilterGroup,
    FilterList,
    TableSettings,
    ViewMode,
    owner_is_there,
)
from organizations.cache import active_branch_card, visible_roles, visible_users

MOST_ID: Final = 2**63 - 1
PEOPLE: Final = "people"
ROLES: Final = "roles"


@dataclass(frozen=True, slots=True)
class Sharer:
    """Who shares a list."""

    id: int
    username: str
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True)
class ListCard:
    """A list as a menu shows it; `key` is what `?filter=` takes. What is not stored has no id."""

    key: str
    name: str
    table: str
    id: int | None = None
    group: int | None = None
    position: int = 0
    is_shared: bool = False
    shared_by: Sharer | None = None
    owner_left: bool = False


@dataclass(frozen=True, slots=True)
class GroupCard:
    """A group of lists. People and roles are computed groups, which have no id."""

    key: str
    name: str
    table: str
    id: int | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class TableLook:
    """How a person looks at a table."""

    column_order: tuple[str, ...] = ()
    hidden_columns: tuple[str, ...] = ()
    view_mode: str = str(ViewMode.TABLE)
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a person has stored about one table."""

    lists: tuple[ListCard, ...]
    groups: tuple[GroupCard, ...]
    look: TableLook


def filters_fact(user_id: int) -> str:
    """Return the name of what changes with a person's lists, groups and looks of tables."""
    return f"filters:{user_id}"


def shared_filters_fact(organization_id: int) -> str:
    """Return the name of what changes with the lists that are shared in an organisation."""
    return f"shared_filters:{organization_id}"


def filters_reads(known: Known, table: str | None) -> Reads:
    """Return where `lists_of`, `groups_of` and `look_of` look."""
    if known.organization_id is None or table not in all_tables():
        return ()
    return [
        (saved_filters, (known.user_id, known.organization_id, table)),
        (shared_filters, (known.organization_id, table)),
    ]


def asker_of(person: Person) -> Asker:
    """Return a person as who asks now."""
    role = person.active_role
    return Asker(
        user_id=person.id,
        organization_id=role.organization_id if role else 0,
        role_id=role.id if role else None,
        branch_id=lambda: branch.id if (branch := active_branch_card(person)) else None,
        writes_all=frozenset(
            entity for entity in Entity.values if person.writes(Entity(entity)) is Reach.ALL
        ),
        zone=ZoneInfo(person.time_zone),
        now=timezone.now(),
    )


def asker_of_request(request: Request) -> Asker:
    """Return who sent the request."""
    return asker_of(caller(request))


def filter_of_request(request: Request, table: Table, key: str) -> tuple[Any, Any]:
    """Return what the list of that key says, if the caller may run it; else raise Http404."""
    return conditions_of(caller(request), table, key)


def conditions_of(person: Person, table: Table, key: str) -> tuple[Any, Any]:
    """Return conditions and operators of a stored or computed list; raise Http404.

    Whether a person or role of a computed list exists is not looked up: a list of nobody is empty.
    """
    kind, _, rest = key.partition(":")
    if kind == "standard" and (standard := table.standard_list(rest)):
        return list(standard.conditions), list(standard.operators)
    column = {"person": table.people, "role": table.roles}.get(kind, "")
    if column and (row_id := id_of(rest)):
        return [{"column": column, "operator": "equals", "value": row_id}], []
    if (list_id := id_of(key)) is None:
        raise Http404
    found = usable_lists(person).filter(pk=list_id, table=table.name)
    row = found.values_list("conditions", "operators").first()
    if row is None:
        raise Http404
    return row


def usable_lists(person: Person) -> QuerySet[FilterList]:
    """Return the stored lists that a person may run: their own and those shared with them."""
    role = person.active_role
    if role is None or person.reads(Entity.FILTER_LISTS) is Reach.NONE:
        return FilterList.objects.none()
    return FilterList.objects.usable_by(
        person.id, role.organization_id, writes_all=writes_all(person)
    )


def writes_all(person: Person) -> bool:
    """Return whether a person may change everybody's lists, and take over what is left behind."""
    return person.writes(Entity.FILTER_LISTS) is Reach.ALL


def own_groups(person: Person) -> QuerySet[FilterGroup]:
    """Return a person's groups in the active organisation."""
    role = person.active_role
    if role is None or person.reads(Entity.FILTER_LISTS) is Reach.NONE:
        return FilterGroup.objects.none()
    return FilterGroup.objects.filter(user_id=person.id, organization_id=role.organization_id)


def lists_of(person: Person, table: Table) -> list[ListCard]:
    """Return the standard lists, a person's own and those shared with them, in this order."""
    prefetch(
        (saved_filters, saved_key(person, table.name)),
        (shared_filters, shared_key(person, table.name)),
    )
    own = saved_of(person, table).lists
    known = {each.id for each in own}
    shared = [
        each
        for each in shared_filters.get(shared_key(person, table.name))
        if each.id not in known and (not each.owner_left or writes_all(person))
    ]
    return [*standard_lists(table), *own, *shared]


def groups_of(person: Person, table: Table) -> list[GroupCard]:
    """Return the computed groups that the person may look into, and their own."""
    return [*_computed_groups(person, table), *saved_of(person, table).groups]


def standard_lists(table: Table) -> list[ListCard]:
    """Return the lists that everybody has."""
    return [
        ListCard(f"standard:{each.key}", each.name, table.name, position=position)
        for position, each in enumerate(table.standard_lists)
    ]


def people_with_names(person: Person) -> QuerySet[User]:
    """Return whom a person may see, each with the `list_name` of their list."""
    full = Trim(Concat("first_name", Value(" "), "last_name"))
    name = Coalesce(NullIf(full, Value("")), "username", output_field=CharField())
    return visible_users(person).annotate(list_name=name).only("id")


def roles_with_names(person: Person) -> QuerySet[Role]:
    """Return the roles that a person may see, each with the `list_name` of its list."""
    return visible_roles(person).annotate(list_name=Trim("name")).only("id")


def look_of(person: Person, table: Table) -> TableLook:
    """Return how a person looks at a table."""
    return saved_of(person, table).look


def card_of_group(group: FilterGroup) -> GroupCard:
    """Return the card of a group at hand."""
    return GroupCard(str(group.id), group.name, group.table, group.id, group.position)


def described_tables(person: Person) -> list[dict[str, Any]]:
    """Return what a person's role may filter, plain: tables, columns, operators, JSON Schema."""
    asker = asker_of(person)
    return [
        {
            **describe(table, table.columns_open_to(asker)),
            "groups": [group.key for group in _computed_groups(person, table)],
        }
        for table in all_tables().values()
        if person.reads(Entity(table.entity)) > Reach.NONE
    ]


def saved_of(person: Person, table: Table) -> Saved:
    """Return what a person has stored about a table, in the active organisation."""
    return saved_filters.get(saved_key(person, table.name))


def saved_key(person: Person, table: str) -> tuple[int, int, str]:
    """Return the key in `saved_filters`."""
    return person.id, person.acting_role.organization_id, table


def shared_key(person: Person, table: str) -> tuple[int, str]:
    """Return the key in `shared_filters`."""
    return person.acting_role.organization_id, table


def _load_saved(saved: tuple[int, int, str]) -> Saved:
    user_id, organization_id, table = saved
    key = {"user_id": user_id, "organization_id": organization_id, "table": table}
    lists = FilterList.objects.filter(**key).order_by("position", "id")
    groups = FilterGroup.objects.filter(**key).order_by("position", "id")
    return Saved(
        lists=tuple(
            ListCard(str(row["id"]), **row)
            for row in lists.values("id", "name", "table", "group", "position", "is_shared")
        ),
        groups=tuple(
            GroupCard(str(row["id"]), **row)
            for row in groups.values("id", "name", "table", "position")
        ),
        look=_look(user_id, table),
    )


def _load_shared(shared: tuple[int, str]) -> tuple[ListCard, ...]:
    """Return what is shared in an organisation; groups and positions are their owner's matter."""
    organization_id, table = shared
    rows = list(
        FilterList.objects.filter(organization_id=organization_id, table=table, is_shared=True)
        .select_related("user")
        .only("name", "table", "user__username", "user__first_name", "user__last_name")
        .annotate(owner_is_there=owner_is_there())
        .order_by("name", "id")
    )
    # Those who left as well: they may come back.
    depends_on(*(person_fact(each.user_id) for each in rows))
    return tuple(
        ListCard(
            key=str(each.id),
            name=each.name,
            table=each.table,
            id=each.id,
            is_shared=True,
            shared_by=Sharer(
                each.user_id, each.user.username, each.user.first_name, each.user.last_name
            ),
            owner_left=not getattr(each, "owner_is_there"),  # noqa: B009
        )
        for each in rows
    )


def _computed_groups(person: Person, table: Table) -> list[GroupCard]:
    return [
        GroupCard(key, name, table.name)
        for key, name, column, entity in (
            (PEOPLE, "People", table.people, Entity.USERS),
            (ROLES, "Roles", table.roles, Entity.ROLES),
        )
        if column and person.reads(entity) > Reach.NONE
    ]


def _look(user_id: int, table: str) -> TableLook:
    row = TableSettings.objects.filter(user_id=user_id, table=table).first()
    if row is None:
        return TableLook()
    return TableLook(tuple(row.column_order), tuple(row.hidden_columns), row.view_mode, row.sort)


def id_of(text: str) -> int | None:
    """Return the id that a text is; None where it can be none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    return number if 1 <= (number := int(text)) <= MOST_ID else None


# A menu of 2,000 lists with long names still fits.
LARGEST: Final = 1_048_576
saved_filters = Cache(
    "saved_filters",
    load=_load_saved,
    facts=lambda key: [filters_fact(key[0])],
    ttl=300.0,
    largest=LARGEST,
)
shared_filters = Cache(
    "shared_filters",
    load=_load_shared,
    facts=lambda key: [shared_filters_fact(key[0])],
    ttl=300.0,
    largest=LARGEST,
)
