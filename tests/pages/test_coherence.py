"""The contest of `tests/cache/test_coherence.py`, over the application's own caches."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from accounts.models import ApiToken, Role, RoleAssignment, User
from config.cache import reads, server
from config.sessions import SessionStore
from filterlists.models import FilterList
from organizations.models import Branch, BranchAssignment, Organization
from tests.cache.rivals import ITEMS, Contest, Ledger, steps
from tests.pages.rivals import EPOCH, HALF, Rows, kinds
from worktime.models import WorkTime

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = float(os.environ.get("CONTEST_SECONDS", "3"))


def make_item(number: int) -> dict[str, int]:
    """Make what any cache may hold of one person, all of it at version 0."""
    user = User.objects.create(username=f"p{number}", first_name="0")
    organization = Organization.objects.create(
        name=f"o{number}", display_name=f"o{number}", max_users=0
    )
    branch = Branch.objects.create(organization=organization, name="Hamburg", city="0")
    role = Role.objects.create(organization=organization, name="Admin", is_admin=True)
    held = RoleAssignment.objects.create(user=user, role=role, is_active_role=True)
    BranchAssignment.objects.create(user=user, branch=branch, is_active_branch=True)
    record = WorkTime.objects.create(
        user=user,
        organization=organization,
        branch=branch,
        started_at=EPOCH,
        time_zone="UTC",
        notes="0",
    )
    mine: dict[str, Any] = {"user": user, "organization": organization, "table": "worktime"}
    filter_list = FilterList.objects.create(name="0", is_shared=True, **mine)
    ApiToken.objects.create(
        user=user,
        digest=str(user.pk),
        token_key="x",
        expiry=EPOCH,
        name="x",
        scopes=["read"],
        role_assignment=held,
    )
    Session.objects.create(
        session_key=f"{user.pk:032}",
        session_data=SessionStore().encode({"n": 0}),
        expire_date=timezone.now() + timedelta(hours=1),
    )
    return {
        "user": user.pk,
        "organization": organization.pk,
        "branch": branch.pk,
        "worktime": record.pk,
        "filter_list": filter_list.pk,
    }


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    for cache in reads._caches.values():
        monkeypatch.setattr(cache, "_load", cache._load)  # given back after the test
    ids = [make_item(number) for number in range(ITEMS)]
    (tmp_path / "ledger.ids").write_text(json.dumps(ids))
    return Rows(ids)


def test_the_contest_is_over_all_caches(db: None) -> None:
    names = [kind.cache for kind in kinds()]
    assert set(names) == reads._caches.keys()
    assert len(names) == HALF, "each process writes one of each"


def test_no_read_is_older_than_it_may_be(rows: Rows, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    contest = Contest(ledger, range(HALF), deaths=0.1, items=rows, cache=rows)
    arguments = (connection.settings_dict["NAME"], str(tmp_path / "ledger"), str(SECONDS))
    rival = subprocess.Popen(
        [sys.executable, "-m", "tests.pages.rivals", *arguments],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
    )
    with rival, steps(contest):
        contest.run(SECONDS * 0.8)
        contest.run(SECONDS * 0.3, flush_every=0.1)
        output, _ = rival.communicate(timeout=60)
    theirs, ours = json.loads(output), contest.report()
    for report in (theirs, ours):
        assert report["violations"] == []
        assert report["errors"] == []
        assert min(report["counts"][what] for what in ("writes", "hits", "loads")) > 20, report
    assert ours["counts"]["deaths"] > 1
    print(f"ours: {dict(ours['counts'])}\ntheirs: {theirs['counts']}")


def test_without_marks_it_is_caught(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "mark", lambda *_: None)
    ledger = Ledger(tmp_path / "ledger")
    contest = Contest(ledger, range(HALF), deaths=0.2, items=rows, cache=rows)
    with steps(contest):
        contest.run(20.0, until_violated=True)
    assert contest.errors == []
    assert contest.violations, contest.report()
