"""Writes about filter lists, their groups and the look of tables.

Each locks the person's row first, so that what one person does on two devices queues.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.http import Http404

from accounts.cache import Person
from accounts.services import lock_person
from config.api.tables import Table, all_tables, parse_filter
from config.cache import changed
from config.db.constraints import violated
from config.db.retry import write
from config.errors import DomainError, InvalidField
from filterlists.cache import (
    asker_of,
    filters_fact,
    own_groups,
    shared_filters_fact,
    usable_lists,
    writes_all,
)
from filterlists.models import (
    GROUP_NAME,
    LIST_NAME,
    FilterGroup,
    FilterList,
    TableSettings,
    owner_is_there,
)

MOST_LISTS: Final = 2000
MOST_GROUPS: Final = 200
MOST_SHARED: Final = 500


class FilterListNameTaken(DomainError):
    """The person has a list of that name."""

    code = "filter_list_name_taken"
    detail = "You have a list of this name already."


class FilterGroupNameTaken(DomainError):
    """The person has a group of that name."""

    code = "filter_group_name_taken"
    detail = "You have a group of this name already."


class TooManyFilterLists(DomainError):
    """A menu of lists has an end."""

    code = "too_many_filter_lists"
    detail = "There are as many lists or groups as there may be."


class FilterListReadOnly(DomainError):
    """The list is somebody else's."""

    status = 403
    code = "filter_list_read_only"
    detail = "This list belongs to somebody else, who shares it."


class FilterListsChanged(DomainError):
    """The order does not name exactly what there is; `ids` has it as it stands."""

    code = "filter_lists_changed"
    detail = "There are other lists or groups by now."


@write
def create_list(*, person: Person, table: Table, fields: Mapping[str, Any]) -> FilterList:
    """Save a filter and return it; it stands last in its group.

    `fields`: name, conditions, operators, group (id or None), is_shared. Raises InvalidFilter,
    FilterListNameTaken, TooManyFilterLists, InvalidField.
    """
    lock_person(person.id)
    own = _require_room(person, table)
    new = FilterList(
        user_id=person.id,
        organization_id=person.acting_role.organization_id,
        table=table.name,
    )
    _apply(person, table, new, fields)
    new.position = _after(own.filter(group_id=new.group_id))
    _save(new)
    tell(new)
    return new


@write
def update_list(*, person: Person, list_id: int, changes: Mapping[str, Any]) -> FilterList:
    """Change a list, of one's own or (who may change all) a shared one, and return it.

    One that is left behind becomes the person's. Another group puts it last there. Raises Http404,
    FilterListReadOnly and what `create_list` raises.
    """
    lock_person(person.id)
    row = _writable(person, list_id)
    tell(row)
    group_id, owner_id = row.group_id, row.user_id
    if (table := all_tables().get(row.table)) is None:
        raise Http404
    if _is_left_behind(row):
        _require_room(person, table)
        row.user_id, row.group = person.id, None
    _apply(person, table, row, changes)
    if (row.group_id, row.user_id) != (group_id, owner_id):
        row.position = _after(FilterList.objects.filter(group_id=row.group_id, **_key(row)))
    _save(row)
    tell(row)
    return row


@write
def delete_list(*, person: Person, list_id: int) -> None:
    """Delete a list; raise Http404, FilterListReadOnly."""
    lock_person(person.id)
    row = _writable(person, list_id)
    tell(row)
    row.delete()


@write
def create_group(*, person: Person, table: Table, name: str) -> FilterGroup:
    """Make a group, the last one, and return it.

    Raises FilterGroupNameTaken, TooManyFilterLists.
    """
    lock_person(person.id)
    groups = own_groups(person).filter(table=table.name)
    if groups.count() >= MOST_GROUPS:
        raise TooManyFilterLists
    group = FilterGroup(
        user_id=person.id,
        organization_id=person.acting_role.organization_id,
        table=table.name,
        name=name,
        position=_after(groups),
    )
    _save(group)
    tell_person(person.id)
    return group


@write
def rename_group(*, person: Person, group_id: int, name: str) -> FilterGroup:
    """Rename a group and return it; raise Http404, FilterGroupNameTaken."""
    lock_person(person.id)
    group = _group(person, group_id)
    group.name = name
    _save(group)
    tell_person(person.id)
    return group


@write
def delete_group(*, person: Person, group_id: int) -> None:
    """Delete a group; its lists stay, without one. Raises Http404."""
    lock_person(person.id)
    _group(person, group_id).delete()
    tell_person(person.id)


@write
def reorder_lists(
    *, person: Person, table: Table, group_id: int | None, ids: Sequence[int]
) -> None:
    """Put all lists of a group (None: those without one) in this order.

    Raises FilterListsChanged where `ids` are not exactly those lists.
    """
    lock_person(person.id)
    lists = FilterList.objects.filter(
        user_id=person.id,
        organization_id=person.acting_role.organization_id,
        table=table.name,
        group_id=group_id,
    )
    _reorder(lists, ids)
    tell_person(person.id)


@write
def reorder_groups(*, person: Person, table: Table, ids: Sequence[int]) -> None:
    """Put all of a person's groups of a table in this order; raise FilterListsChanged."""
    lock_person(person.id)
    _reorder(own_groups(person).filter(table=table.name), ids)
    tell_person(person.id)


@write
def save_table_settings(*, person: Person, table: Table, look: Mapping[str, Any]) -> None:
    """Store how a person looks at a table, all of it."""
    lock_person(person.id)
    TableSettings.objects.update_or_create(user_id=person.id, table=table.name, defaults=dict(look))
    tell_person(person.id)


def tell(row: FilterList) -> None:
    """Have the caches know that a list changes; call it before and after its sharing does."""
    tell_person(row.user_id)
    if row.is_shared:
        changed(shared_filters_fact(row.organization_id))


def tell_person(*user_ids: int) -> None:
    """Have the caches know that what people have stored changes."""
    changed(*(filters_fact(user_id) for user_id in user_ids))


def _apply(person: Person, table: Table, row: FilterList, changes: Mapping[str, Any]) -> None:
    for name in ("name", "conditions", "operators"):
        if name in changes:
            setattr(row, name, changes[name])
    if {"conditions", "operators"} & changes.keys():
        parse_filter(table, row.conditions, row.operators, asker_of(person))
    if changes.get("group", row.group_id) != row.group_id:
        row.group = _own_group(person, row, changes["group"])
    if changes.get("is_shared") and not row.is_shared:
        shared = FilterList.objects.filter(
            organization_id=row.organization_id, table=row.table, is_shared=True
        )
        if shared.count() >= MOST_SHARED:
            raise TooManyFilterLists
    row.is_shared = changes.get("is_shared", row.is_shared)


def _require_room(person: Person, table: Table) -> QuerySet[FilterList]:
    """Return a person's lists of a table; raise TooManyFilterLists if there may be no more."""
    own = FilterList.objects.filter(
        user_id=person.id,
        organization_id=person.acting_role.organization_id,
        table=table.name,
    )
    if own.count() >= MOST_LISTS:
        raise TooManyFilterLists
    return own


def _is_left_behind(row: FilterList) -> bool:
    return not FilterList.objects.filter(owner_is_there(), pk=row.pk).exists()


def _own_group(person: Person, row: FilterList, group_id: int | None) -> FilterGroup | None:
    if group_id is None:
        return None
    group = own_groups(person).filter(pk=group_id, table=row.table).first()
    if group is None or row.user_id != person.id:
        raise InvalidField("group", "does_not_exist", "You have no such group for this table.")
    return group


def _writable(person: Person, list_id: int) -> FilterList:
    row = usable_lists(person).select_for_update(no_key=True).filter(pk=list_id).first()
    if row is None:
        raise Http404
    if row.user_id != person.id and not writes_all(person):
        raise FilterListReadOnly
    return row


def _group(person: Person, group_id: int) -> FilterGroup:
    group = own_groups(person).filter(pk=group_id).first()
    if group is None:
        raise Http404
    return group


def _key(row: FilterList) -> dict[str, Any]:
    return {
        "user_id": row.user_id,
        "organization_id": row.organization_id,
        "table": row.table,
    }


def _after(rows: QuerySet[Any]) -> int:
    last = rows.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def _reorder(rows: QuerySet[Any], ids: Sequence[int]) -> None:
    known = {row.id: row for row in rows.order_by("position", "id")}
    if len(ids) != len(known) or known.keys() != set(ids):
        raise FilterListsChanged(ids=list(known))
    for position, row_id in enumerate(ids):
        known[row_id].position = position
    rows.model._default_manager.bulk_update(known.values(), ["position"])


def _save(row: FilterList | FilterGroup) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        taken = {LIST_NAME: FilterListNameTaken, GROUP_NAME: FilterGroupNameTaken}
        refusal = taken.get(violated(error) or "")
        raise (refusal() if refusal else error) from error
