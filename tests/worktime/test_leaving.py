"""Whoever leaves an organisation is clocked out there, with a revision."""

from accounts.models import User
from organizations.models import Organization
from organizations.signals import membership_ended
from tests.conftest import Api
from tests.worktime.records import hours_ago, only_revision, work
from worktime.models import WorkTime, WorkTimeRevision


def test_a_deactivated_person_is_clocked_out(api: type[Api], alice: User, ada: User) -> None:
    record = work(alice, *hours_ago(2))
    response = api(ada).send("PATCH", f"/api/users/{alice.id}/", {"is_active": False})
    assert response.status_code == 200, response.content
    revision, before, after = only_revision()
    record.refresh_from_db()
    assert record.ended_at is not None
    assert (revision.action, revision.author) == ("stopped", ada)
    assert (before["ended_at"], after["ended_at"]) == (None, record.ended_at.isoformat())
    assert record.edited_by == ada


def test_what_runs_elsewhere_goes_on(alice: User, charlie: User, nordwind: Organization) -> None:
    elsewhere = charlie.branch_assignments.get().branch
    work(alice, *hours_ago(2), branch=elsewhere)
    membership_ended.send(
        sender=None, user_id=alice.id, organization_id=nordwind.id, author_id=None
    )
    assert WorkTime.objects.running().exists()
    assert not WorkTimeRevision.objects.exists()
