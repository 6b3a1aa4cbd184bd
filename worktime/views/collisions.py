"""Which record stands in the way, where the caller may see it."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.cache import Person
from worktime.cache import sees_worktime
from worktime.serializers import WorkTimeSerializer
from worktime.services.records import WorktimeCollides


@contextmanager
def collisions_shown(person: Person) -> Iterator[None]:
    """Add the colliding record to a refusal; one out of the person's sight is not shown."""
    try:
        yield
    except WorktimeCollides as error:
        record = error.record
        if sees_worktime(
            person,
            user_id=record.user_id,
            organization_id=record.organization_id,
            branch_id=record.branch_id,
        ):
            error.extra["worktime"] = WorkTimeSerializer(record).data
        raise
