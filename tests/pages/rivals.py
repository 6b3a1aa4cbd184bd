"""The application's own caches as the items of a contest (`tests.cache.rivals`).

Item n is a row that a cache is made from; its version is a number that one of its columns holds.
Run as a program it is the second process: `python -m tests.pages.rivals DATABASE LEDGER SECONDS`.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.cache.rivals import ITEMS, Contest, Ledger, steps

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
HALF = ITEMS // 2


@dataclass(frozen=True)
class Kind:
    """How a cache is asked for a row, which number the answer holds, how a write changes it."""

    cache: str
    key: Callable[[dict[str, int]], Any]
    number: Callable[[Any], int]
    advance: Callable[[dict[str, int]], None]


def kinds() -> list[Kind]:
    """Return one for each cache."""
    from django.contrib.sessions.models import Session
    from django.db.models import CharField, F, IntegerField, Value
    from django.db.models.functions import Cast

    from accounts.cache import organization_fact, person_fact, token_fact
    from accounts.models import ApiToken, User
    from config.cache import changed
    from config.sessions import SessionStore, session_fact
    from filterlists.cache import filters_fact, shared_filters_fact
    from filterlists.models import FilterList
    from organizations.models import Branch, Organization
    from worktime.cache import worktime_fact
    from worktime.models import WorkTime

    def one_more(rows: Any, column: str) -> None:
        number = Cast(F(column), IntegerField()) + Value(1)
        rows.update(**{column: Cast(number, CharField())})

    def person(ids: dict[str, int]) -> None:
        one_more(User.objects.filter(pk=ids["user"]), "first_name")
        changed(person_fact(ids["user"]))

    def organization(ids: dict[str, int]) -> None:
        rows = Organization.objects.filter(pk=ids["organization"])
        rows.update(max_users=F("max_users") + 1)
        changed(organization_fact(ids["organization"]))

    def branch(ids: dict[str, int]) -> None:
        one_more(Branch.objects.filter(pk=ids["branch"]), "city")
        changed(organization_fact(ids["organization"]))

    def running(ids: dict[str, int]) -> None:
        one_more(WorkTime.objects.filter(pk=ids["worktime"]), "notes")
        changed(worktime_fact(ids["user"]))

    def started(ids: dict[str, int]) -> None:
        rows = WorkTime.objects.filter(pk=ids["worktime"])
        rows.update(started_at=F("started_at") + timedelta(seconds=1))
        changed(worktime_fact(ids["user"]))

    def filters(ids: dict[str, int]) -> None:
        one_more(FilterList.objects.filter(pk=ids["filter_list"]), "name")
        changed(filters_fact(ids["user"]), shared_filters_fact(ids["organization"]))

    def token(ids: dict[str, int]) -> None:
        rows = ApiToken.objects.filter(digest=str(ids["user"]))
        rows.update(expiry=F("expiry") + timedelta(seconds=1))
        changed(token_fact(str(ids["user"])))

    def key(ids: dict[str, int]) -> str:
        return f"{ids['user']:032}"

    def session(ids: dict[str, int]) -> None:
        row = Session.objects.select_for_update().get(session_key=key(ids))
        row.session_data = SessionStore().encode({"n": row.get_decoded()["n"] + 1})
        row.save()
        changed(session_fact(key(ids)))

    def seconds(instant: datetime) -> int:
        return int((instant - EPOCH).total_seconds())

    table = "worktime"
    return [
        Kind("people", lambda i: (i["user"], None), lambda v: int(v.person.first_name), person),
        Kind("profiles", lambda i: i["user"], lambda v: int(v.first_name), person),
        Kind("organizations", lambda i: i["organization"], lambda v: v.max_users, organization),
        Kind("chosen branches", lambda i: i["user"], lambda v: int(v.city), branch),
        Kind("own branches", lambda i: i["user"], lambda v: int(v[0].city), branch),
        Kind("active worktimes", lambda i: i["user"], lambda v: int(v.notes), running),
        Kind(
            "own periods",
            lambda i: (i["user"], "week", "2020-W01"),
            lambda v: seconds(v.records[0].started_at),
            started,
        ),
        Kind(
            "saved_filters",
            lambda i: (i["user"], i["organization"], table),
            lambda v: int(v.lists[0].name),
            filters,
        ),
        Kind(
            "shared_filters",
            lambda i: (i["organization"], table),
            lambda v: int(v[0].name),
            filters,
        ),
        Kind("tokens", lambda i: str(i["user"]), lambda v: seconds(v.expires_at), token),
        Kind("sessions", key, lambda v: SessionStore().decode(v.data)["n"], session),
    ]


class Rows:
    """The items: `ids` of item n are those of its own person and organisation."""

    def __init__(self, ids: list[dict[str, int]]) -> None:
        from config.cache import reads

        self.ids = ids
        self.kinds = kinds()
        self.before_load: Callable[[], None] = lambda: None
        self.after_load: Callable[[], None] = lambda: None
        for kind in self.kinds:
            cache = reads._caches[kind.cache]
            cache._load = self._between_pauses(cache._load)

    @property
    def counts(self) -> Counter[str]:
        """The figures of all these caches."""
        from config.cache import reads

        return sum((reads._caches[kind.cache].counts for kind in self.kinds), Counter[str]())

    def get(self, item: int) -> int:
        """Return an item's version as its cache has it."""
        from config.cache import reads

        kind = self.kind(item)
        return kind.number(reads._caches[kind.cache].get(kind.key(self.ids[item])))

    def version_of(self, item: int) -> int:
        """Return an item's version from its row."""
        from config.cache import reads

        kind = self.kind(item)
        return kind.number(reads._caches[kind.cache]._load(kind.key(self.ids[item])))

    def advance(self, item: int) -> int:
        """Make an item's version one more."""
        from config.db.retry import write

        @write
        def advance() -> int:
            self.kind(item).advance(self.ids[item])
            return self.version_of(item)

        return advance()

    def kind(self, item: int) -> Kind:
        """Return what an item is of."""
        return self.kinds[item % len(self.kinds)]

    def _between_pauses(self, load: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def paused(key: Any) -> Any:
            self.before_load()
            value = load(key)
            self.after_load()
            return value

        return paused


def main(database: str, ledger: str, seconds: str) -> None:
    """Be the second process."""
    import django
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    from django.urls import get_resolver

    assert get_resolver().url_patterns
    path = Path(ledger)
    rows = Rows(json.loads(path.with_suffix(".ids").read_text()))
    contest = Contest(Ledger(path), range(HALF, ITEMS), items=rows, cache=rows)
    with steps(contest):
        contest.run(float(seconds))
    json.dump(contest.report(), sys.stdout)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    main(*sys.argv[1:])
