"""Reads about working time."""

from django.db.models import QuerySet

from accounts.cache import Person, Reach
from accounts.models import Entity
from worktime.models import WorkTime


def running_worktime(user_id: int) -> WorkTime | None:
    """Return a person's running record, in whatever organisation."""
    return (
        WorkTime.objects.running().filter(user_id=user_id).select_related("user", "branch").first()
    )


def visible_worktimes(person: Person) -> QuerySet[WorkTime]:
    """Return the records of the active organisation that the person's role lets them see."""
    role = person.active_role
    reach = person.reads(Entity.WORKTIME)
    if role is None or reach is Reach.NONE:
        return WorkTime.objects.none()
    records = WorkTime.objects.filter(organization_id=role.organization_id)
    if reach is Reach.OWN:
        return records.filter(user_id=person.id)
    if role.branches is not None:
        records = records.filter(branch_id__in=role.branches)
    return records
