"""The operators' pages: running records first, corrections through the service."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.worktime.records import hours_ago, only_revision, work
from worktime.models import WorkTime, WorkTimeRevision
from worktime.services.corrections import change_worktime
from worktime.services.records import Author

LIST = "/admin/worktime/worktime/"


@pytest.fixture
def operator(ada: User) -> Client:
    """Ada, who is one of the platform's operators."""
    ada.is_staff = ada.is_superuser = True
    ada.save()
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def record(alice: User) -> WorkTime:
    return work(alice, *hours_ago(5, 1))


def form(record: WorkTime, **changes: Any) -> dict[str, Any]:
    """Return what the change form posts; it shows seconds only."""
    values: dict[str, Any] = {"branch": record.branch_id, "notes": record.notes, "reason": ""}
    for name in ("started_at", "ended_at"):
        instant = changes.pop(name, getattr(record, name))
        values[f"{name}_0"] = f"{instant:%Y-%m-%d}" if instant else ""
        values[f"{name}_1"] = f"{instant:%H:%M:%S}" if instant else ""
    return {**values, **changes}


def correct(operator: Client, record: WorkTime, **changes: Any) -> Any:
    return operator.post(f"{LIST}{record.pk}/change/", form(record, **changes))


def test_running_ones_come_first(operator: Client, alice: User, bob: User) -> None:
    running = work(alice, *hours_ago(30))
    work(bob, *hours_ago(5, 1))
    rows = operator.get(LIST).context["cl"].result_list
    assert rows[0] == running


def test_a_correction_leaves_a_revision(operator: Client, record: WorkTime, ada: User) -> None:
    response = correct(operator, record, notes="corrected", reason="asked on the phone")
    assert response.status_code == 302, response.context["errors"]
    revision, before, after = only_revision()
    assert (revision.author, revision.reason) == (ada, "asked on the phone")
    assert {name for name in before if before[name] != after[name]} == {"notes", "edited_by"}
    page = operator.get(f"{LIST}{record.pk}/change/").content.decode()
    assert "asked on the phone" in page
    assert "notes:  → corrected" in page


@pytest.mark.parametrize("begin", [0, 100])
def test_what_the_service_refuses_is_shown(
    operator: Client, alice: User, record: WorkTime, begin: int
) -> None:
    """The reason is missing, or (further back) another record is in the way."""
    work(alice, *hours_ago(200, 50))
    started_at = record.started_at - timedelta(hours=begin)
    reason = "earlier" if begin else ""
    response = correct(operator, record, notes="x", started_at=started_at, reason=reason)
    assert response.status_code == 200
    expected = "There is a record in that time already." if begin else "needs a reason"
    assert expected in str(response.context["errors"])
    assert not WorkTimeRevision.objects.exists()
    record.refresh_from_db()
    assert record.notes == ""


def test_saving_unchanged_changes_nothing(operator: Client, record: WorkTime) -> None:
    assert correct(operator, record).status_code == 302
    assert not WorkTimeRevision.objects.exists()


def test_nothing_is_added_or_deleted(operator: Client, record: WorkTime) -> None:
    assert operator.get(f"{LIST}add/").status_code == 403
    assert operator.post(f"{LIST}{record.pk}/delete/", {"post": "yes"}).status_code == 403


def test_revisions_stand_beside_the_record(
    operator: Client, record: WorkTime, alice: User, bob: User
) -> None:
    """Only its own, read-only, and as many queries for twenty as for one."""
    path = f"{LIST}{record.pk}/change/"
    correct(operator, work(bob, *hours_ago(5, 1)), notes="another", reason="of another")

    def queries_of_page() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = operator.get(path)
        (formset,) = page.context["inline_admin_formsets"]
        assert [row.original.reason for row in formset] == reasons
        assert 'name="revisions-0-reason"' not in page.content.decode()
        return len(queries)

    def change(number: int) -> None:
        change_worktime(
            author=Author((bob, alice)[number % 2].pk, WorkTime.objects.all()),
            worktime_id=record.pk,
            changes={"notes": str(number)},
            reason=f"reason {number}",
        )
        reasons.append(f"reason {number}")

    reasons: list[str] = []
    assert queries_of_page()
    change(0)
    queries_for_one = queries_of_page()
    for number in range(1, 20):
        change(number)
    assert queries_of_page() == queries_for_one


def test_revisions_cannot_be_posted(operator: Client, record: WorkTime) -> None:
    correct(operator, record, notes="x", reason="y")
    (revision,) = WorkTimeRevision.objects.all()
    forged = {
        "revisions-TOTAL_FORMS": "2",
        "revisions-INITIAL_FORMS": "1",
        "revisions-0-id": str(revision.pk),
        "revisions-0-reason": "z",
        "revisions-0-DELETE": "on",
        "revisions-1-reason": "made up",
    }
    record.refresh_from_db()
    assert correct(operator, record, **forged).status_code == 302
    assert [each.reason for each in WorkTimeRevision.objects.all()] == ["y"]


def test_revisions_are_for_reading(operator: Client, record: WorkTime) -> None:
    correct(operator, record, notes="x", reason="y")
    path = "/admin/worktime/worktimerevision/"
    assert "changed" in operator.get(path).content.decode()
    detail = f"{path}{WorkTimeRevision.objects.get().pk}/change/"
    assert operator.get(detail).status_code == 200
    assert operator.post(detail, {"reason": "z"}).status_code == 403
