"""An organisation that operators deactivate: what runs there ends, what runs elsewhere goes on."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from config.db.retry import write
from organizations.models import Organization
from organizations.services import operators
from tests.conftest import Api
from tests.organizations.test_admin import save
from tests.race import race
from tests.worktime.records import hours_ago, work
from worktime.models import WorkTime, WorkTimeRevision

START, STOP, ACTIVE = (f"/api/worktime/{each}/" for each in ("start", "stop", "active"))


def close(organization: Organization) -> None:
    @write
    def act() -> None:
        row = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        row.is_active = False
        row.save()
        operators.organization_changed(row, was_closed=True)

    act()


def test_it_works(
    operator: Client,
    api: type[Api],
    alice: User,
    bob: User,
    charlie: User,
    nordwind: Organization,
) -> None:
    records = [work(user, *hours_ago(2)) for user in (alice, bob)]
    elsewhere = work(charlie, *hours_ago(2))
    client = api(alice)
    assert client.get(ACTIVE).json()["worktime"] is not None
    save(operator, nordwind, is_active=None)
    for record in records:
        record.refresh_from_db()
        revision = WorkTimeRevision.objects.get(worktime_id=record.id)
        assert record.ended_at is not None
        assert (revision.action, revision.author) == ("stopped", None)
        assert revision.reason == "The organisation was deactivated."
    assert WorkTime.objects.running().get() == elsewhere
    assert client.get(ACTIVE).json()["worktime"] is None
    assert client.post_json(START).status_code == 403
    # It is about the person, whatever the role.
    assert client.post_json(STOP).json()["already_stopped"] is True


def test_what_is_saved_besides_ends_nothing(
    operator: Client,
    alice: User,
    nordwind: Organization,
) -> None:
    work(alice, *hours_ago(2))
    save(operator, nordwind, display_name="New")
    assert WorkTime.objects.running().exists()


def test_brought_back_it_is_as_it_was(
    operator: Client,
    api: type[Api],
    alice: User,
    nordwind: Organization,
) -> None:
    save(operator, nordwind, is_active=None)
    save(operator, nordwind, is_active="on")
    assert api(alice).post_json(START).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_nobody_clocks_in_past_it(api: type[Api], hire: Any, nordwind: Organization) -> None:
    """Fifty people clock in while it closes; nothing runs afterwards."""
    branch = nordwind.branches.get()
    clients = [api(hire(f"p{i}", nordwind, "Member", branch)) for i in range(50)]
    for client in clients:
        client.get("/api/me/")
    has_begun = threading.Event()

    def start(number: int) -> Any:
        response = clients[number].post_json(START)
        if response.status_code == 201:
            has_begun.set()
        return response

    def close_meanwhile() -> None:
        assert has_begun.wait(30.0)
        close(nordwind)
        connection.close()

    closing = threading.Thread(target=close_meanwhile)
    closing.start()
    answers = race(50, start)
    closing.join()
    assert not Organization.objects.get(pk=nordwind.pk).is_active
    assert answers.keys() <= {(201, ""), (403, "permission_denied")}
    assert not WorkTime.objects.running().exists()
    assert WorkTimeRevision.objects.count() == answers[(201, "")] > 0
