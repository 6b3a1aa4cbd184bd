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
        if sees_worktime(person, error.record):
            error.extra["worktime"] = WorkTimeSerializer(error.record).data
        raise
