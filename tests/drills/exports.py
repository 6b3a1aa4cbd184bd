"""Exports while connections are short, the database is away and records are moved.

Some people export, as their office's lead does; others move records by as much as they move them
back, so that the number of records and the sum of their durations stay as they are. Each answer is
the whole of one moment, or a refusal: `Export.judge`.
"""

import asyncio
import csv
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import psycopg

from tests.bench.load import NO_ANSWER, Answer, Client

TOKEN: Final = "t" * 32
EXPORT: Final = "/api/worktime/export/?format=csv"
RECORDS: Final = 6000
FIRST: Final = datetime.fromisoformat("2019-01-01T08:00:00+00:00")
LASTING: Final = timedelta(minutes=20)
GIVEN_UP: Final = 20.0  # seconds that one export may take
# Of a person with RECORDS records of LASTING, two hours apart; moving one puts it off by an hour.
FILL: Final = """
    INSERT INTO worktime_worktime (created_at, updated_at, user_id, organization_id, branch_id,
        started_at, ended_at, time_zone, notes, source)
    SELECT now(), now(), person.id, branch.organization_id, branch.id,
        %(first)s + n * interval '2 hours', %(first)s + n * interval '2 hours' + %(lasting)s,
        'UTC', 'exported', 'live'
    FROM generate_series(0, %(count)s - 1) AS n, accounts_user person
    JOIN organizations_branchassignment assigned ON assigned.user_id = person.id
    JOIN organizations_branch branch ON branch.id = assigned.branch_id
    WHERE person.username = %(username)s"""


@dataclass
class Exports:
    """What came of all exports."""

    ends: Counter[str] = field(default_factory=Counter)
    moves: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def judge(self, answer: Answer) -> None:
        """Count one answer: whole, refused, or wrong."""
        if answer.status == 503 and "retry-after" in answer.headers:
            self.ends["refused"] += 1
            return
        if answer.status == NO_ANSWER:
            self.ends["no answer"] += 1
            return
        if answer.status != 200:
            self.wrong.append(f"an export was answered {answer.status} {answer.code}")
            return
        rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"), newline="")))
        ids = Counter(row["id"] for row in rows)
        total = sum(float(row["duration_seconds"] or 0) for row in rows)
        expected = RECORDS * LASTING.total_seconds()
        doubled = sum(count > 1 for count in ids.values())
        if doubled:
            self.ends["doubled"] += 1
        if len(ids) < RECORDS:
            self.ends["short"] += 1
        said = answer.headers.get("x-row-count")
        if doubled or len(rows) != RECORDS or total != expected or said != str(RECORDS):
            self.wrong.append(
                f"an export had {len(rows)} rows of {RECORDS} ({doubled} twice), said {said},"
                f" {total:.0f} s of {expected:.0f}"
            )
            return
        self.ends["whole"] += 1


def fill(connection: dict[str, object], username: str) -> list[int]:
    """Give a person RECORDS records, and no others, and return their ids."""
    with psycopg.connect(**connection) as plain:  # type: ignore[arg-type]
        plain.execute("DELETE FROM worktime_worktime WHERE notes = 'exported'")
        plain.execute(
            FILL,
            {"first": FIRST, "lasting": LASTING, "count": RECORDS, "username": username},
        )
        rows = plain.execute(
            "SELECT worktime_worktime.id FROM worktime_worktime"
            " JOIN accounts_user person ON person.id = user_id"
            " WHERE username = %s AND notes = 'exported' ORDER BY started_at",
            [username],
        ).fetchall()
    return [row[0] for row in rows]


async def export_until(port: int, cookie: str, is_over: asyncio.Event, exports: Exports) -> None:
    """Export again and again."""
    client = Client(port, cookie)
    while not is_over.is_set():
        exports.judge(await client.ask("GET", EXPORT, patience=GIVEN_UP))
        await asyncio.sleep(0.02)
    client.close()


async def move_until(
    port: int, cookie: str, ids: list[int], is_over: asyncio.Event, exports: Exports
) -> None:
    """Move records of one's own, far to the end and back to their place, again and again."""
    client = Client(port, f"{cookie}; csrftoken={TOKEN}")
    headers = {"X-CSRFToken": TOKEN, "Content-Type": "application/json"}
    moved: dict[int, bool] = {}
    number = 0
    while not is_over.is_set():
        place = number * 7 % len(ids)
        is_back = moved.get(place, False)
        # Its place, or one behind all others that nobody else takes.
        offset = timedelta(hours=2 * (place if is_back else 2 * len(ids) + place))
        body = {
            "started_at": (FIRST + offset).isoformat(),
            "ended_at": (FIRST + offset + LASTING).isoformat(),
            "reason": "moved",
        }
        path = f"/api/worktime/{ids[place]}/"
        answer = await client.ask("PATCH", path, headers, json.dumps(body).encode())
        exports.moves[answer.status] += 1
        if answer.status == 200:
            moved[place] = not is_back
        elif answer.status not in (503, NO_ANSWER):
            exports.wrong.append(f"a move was answered {answer.status} {answer.code}")
        number += 1
        await asyncio.sleep(0.005)
    client.close()
