"""`./run drill away`: the database is gone while people look on; who sees what, and is it so?

A third of the people has just loaded a page, a third has changed something since, a third has not
been there yet. The caches' TTLs are cut to seconds, so that what is shown soon is stale; for how
long it may be after that is as shipped. Redis is emptied before each outage.
"""

import argparse
import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import psycopg

from tests.bench.load import Answer, Client
from tests.bench.site import Site
from tests.drills import faults
from tests.drills.drill import Result
from tests.drills.people import PATIENCE, TOKEN
from tests.drills.sabotage import SHORT_TTL

GRACE: Final = 60.0  # what decides who may do what is served for so long beyond its TTL
LONGEST: Final = SHORT_TTL + GRACE
SLACK: Final = 1.0
KNOWN, CHANGED, UNKNOWN = "known", "changed", "unknown"
KINDS: Final = (KNOWN, CHANGED, UNKNOWN)
ME, SETTINGS = "/api/me/", "/api/me/settings/"
PAGE: Final = "/api/page/?table=worktime"
LOOKS: Final = (
    ME,
    "/api/me/profile/",
    SETTINGS,
    "/api/me/branches/",
    "/api/organizations/current/",
    "/api/worktime/active/",
    "/api/filter-lists/?table=worktime",
    PAGE,
)
START, STOP = "/api/worktime/start/", "/api/worktime/stop/"


@dataclass
class Seen:
    """One answer; times are monotonic seconds."""

    kind: str
    path: str
    sent: float
    ended: float
    answer: Answer
    is_same: bool  # what was seen before the outage
    notes: str  # what a write would have stored
    must_end: float  # until then it has to be answered, from
    may_end: float  # then on refused

    @property
    def is_read(self) -> bool:
        """Whether nothing was to be changed."""
        return self.path in LOOKS


@dataclass
class Outage:
    """What all people share: where things stand, and what they saw."""

    is_away: bool = False
    is_back: bool = False
    ready: set[int] = field(default_factory=set)
    began: float = 0.0
    mending: float = float("inf")
    mended: float = float("inf")
    seen: list[Seen] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def judged(self) -> list[Seen]:
        """Return what was asked and answered within; what was under way may go either way."""
        return [
            each for each in self.seen if self.began <= each.sent and each.ended <= self.mending
        ]


def run(site: Site, options: argparse.Namespace, broken: str = "") -> Result:
    """Stop, kill and pause the database, each once if there is time; return what came of it."""
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.drills.settings",
        "DRILL_BREAK": f"ttl,{broken}",
        "WEB_WORKERS": str(options.workers),
    }
    began, outages = time.monotonic(), []
    with site.serving(settings) as port:
        for how in ("stop", "kill", "pause"):
            outages.append(_one(site, port, how, options))
            if time.monotonic() - began + options.outage > options.seconds:
                break
        if options.logs:
            print((site.folder / f"web-{port}.log").read_text()[-options.logs :])
    result = Result("away", time.monotonic() - began)
    _judge(outages, result)
    _judge_storage(site, outages, result)
    return result


def _one(site: Site, port: int, how: str, options: argparse.Namespace) -> Outage:
    from django.core.cache import cache

    cache.clear()
    outage, people = Outage(), options.clients - options.clients % len(KINDS)
    load = threading.Thread(target=lambda: asyncio.run(_live(outage, port, site.cookies[:people])))
    load.start()
    while len(outage.ready) < people and load.is_alive():
        time.sleep(0.01)
    with faults.broken(how, site.postgres):
        outage.began, outage.is_away = time.monotonic(), True
        time.sleep(options.outage)
        outage.mending = time.monotonic()
    outage.mended, outage.is_back = time.monotonic(), True
    load.join()
    return outage


async def _live(outage: Outage, port: int, cookies: list[str]) -> None:
    pause = max(0.5, len(cookies) / 20)
    people = [
        Person(number, KINDS[number % len(KINDS)], port, cookie, outage)
        for number, cookie in enumerate(cookies)
    ]
    ended = await asyncio.gather(*(each.live(pause) for each in people), return_exceptions=True)
    outage.errors += [repr(each) for each in ended if isinstance(each, BaseException)]


class Person:
    """Somebody who looks, and tries to clock in or out."""

    _names = count()

    def __init__(self, number: int, kind: str, port: int, cookie: str, outage: Outage) -> None:
        self.number = number
        self.kind = kind
        self.outage = outage
        self.client = Client(port, f"{cookie}; csrftoken={TOKEN}")
        self.before: dict[str, Any] = {}
        self.loaded_from = self.loaded_to = 0.0

    async def live(self, pause: float) -> None:
        """Load a page or not, look on while the database is away, and until all is well again."""
        if self.kind != UNKNOWN:
            await self._prepare()
        self.outage.ready.add(self.number)
        while not self.outage.is_away:
            await asyncio.sleep(0.01)
        await asyncio.sleep(self.number % 10 * pause / 10)
        while not self.outage.is_back:
            for path in LOOKS:
                await self._ask("GET", path)
            await self._ask("POST", (START, STOP)[self.number % 2])
            await asyncio.sleep(pause)
        while not await self._is_well():
            await asyncio.sleep(0.05)
        self.outage.recovered.append(time.monotonic())
        self.client.close()

    async def _prepare(self) -> None:
        # A page that is loaded within the TTL, so that nothing of it is loaded twice.
        self.loaded_from = time.monotonic()
        for path in LOOKS:
            answer = await self._send("GET", path)
            assert answer.status == 200, (path, answer)
            self.before[path] = _shown(path, answer)
        self.loaded_to = time.monotonic()
        if self.kind == CHANGED:
            is_dark = self.before[SETTINGS]["dark_mode"]
            answer = await self._send("PATCH", SETTINGS, {"dark_mode": not is_dark})
            assert answer.status == 200, answer

    async def _ask(self, method: str, path: str) -> None:
        notes, sent = f"away-{next(self._names)}", time.monotonic()
        answer = await self._send(method, path, {"notes": notes} if path == START else None)
        self.outage.seen.append(
            Seen(
                kind=self.kind,
                path=path,
                sent=sent,
                ended=time.monotonic(),
                answer=answer,
                is_same=answer.status == 200 and _shown(path, answer) == self.before.get(path),
                notes=notes if path == START else "",
                must_end=self.loaded_from + LONGEST,
                may_end=self.loaded_to + LONGEST,
            )
        )

    async def _is_well(self) -> bool:
        answers = [await self._send("GET", path) for path in LOOKS]
        return all(
            each.status == 200 and each.headers.get("x-cache") in ("hit", "miss")
            for each in answers
        )

    async def _send(self, method: str, path: str, body: Any = None) -> Answer:
        headers = {}
        if method != "GET":
            headers = {"X-CSRFToken": TOKEN, "Content-Type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        return await self.client.ask(method, path, headers, content, patience=PATIENCE)


def _shown(path: str, answer: Answer) -> Any:
    """Return what of an answer may not change by itself; sums of what runs do."""
    document = json.loads(answer.body)
    if path == PAGE:
        return {name: part for name, part in document.items() if name not in ("stats", "active")}
    if path == "/api/worktime/active/":
        return document["worktime"] and document["worktime"]["id"]
    return document


def _judge(outages: list[Outage], result: Result) -> None:
    seen = [each for outage in outages for each in outage.judged()]
    reads = [each for each in seen if each.is_read]
    good = [each for each in reads if each.answer.status == 200]
    refused = [each for each in seen if each.answer.status == 503]
    wrong = Counter(text for each in seen for text in _wrong(each))
    states = Counter(each.answer.headers.get("x-cache", "-") for each in good)
    result.figures |= {
        "outages": len(outages),
        "reads of who had loaded the page": sum(each.kind == KNOWN for each in reads),
        "of them from the cache: fresh": states["hit"],
        "of them from the cache: stale": states["stale"],
        "of them refused, too long ago": sum(
            each.kind == KNOWN for each in refused if each.is_read
        ),
        "reads of who had changed something": sum(each.kind == CHANGED for each in reads),
        "reads of who had not been there": sum(each.kind == UNKNOWN for each in reads),
        "of both refused": sum(each.kind != KNOWN for each in refused if each.is_read),
        "writes, all refused": sum(not each.is_read for each in refused),
        "longest after the page was loaded s": max(
            (each.sent - each.must_end + LONGEST for each in good), default=0.0
        ),
        "slowest answer from the cache s": max((e.ended - e.sent for e in good), default=0.0),
        "slowest refusal of a read s": max(
            (each.ended - each.sent for each in refused if each.is_read), default=0.0
        ),
        "slowest refusal of a write s": max(
            (each.ended - each.sent for each in refused if not each.is_read), default=0.0
        ),
        "all well again after s": max(
            (each - outage.mended for outage in outages for each in outage.recovered), default=0.0
        ),
    }
    result.broken += [f"{number} times {text}" for text, number in wrong.most_common(8)]
    result.broken += [text for outage in outages for text in outage.errors[:3]]
    if not good:
        result.broken.append("nobody was answered from the cache")


def _wrong(seen: Seen) -> Iterator[str]:
    """Yield what is wrong with an answer."""
    answer, what = seen.answer, f"{seen.kind}: {seen.path}"
    if answer.status == 503:
        if "retry-after" not in answer.headers:
            yield f"{what} was refused without Retry-After"
        if answer.code not in ("database_unavailable", "pool_exhausted"):
            yield f"{what} was refused as {answer.code}"
        if seen.is_read and seen.kind == KNOWN and seen.ended < seen.must_end:
            yield f"{what} was refused though it had been seen"
    elif answer.status != 200:
        yield f"{what} was answered {answer.status}"
    elif not seen.is_read:
        yield f"{what} was accepted"
    elif seen.kind != KNOWN:
        yield f"{what} was answered from what is not so or was never asked"
    else:
        if not seen.is_same:
            yield f"{what} was answered otherwise than before"
        yield from _unmarked(seen, answer.headers)


def _unmarked(seen: Seen, headers: Mapping[str, str]) -> Iterator[str]:
    age = seen.sent - (seen.may_end - LONGEST)
    state = headers.get("x-cache")
    if state not in ("hit", "stale") or (state == "hit" and age > SHORT_TTL + SLACK):
        yield f"{seen.path} was {state} when it was aged"
    if state == "stale" and "x-data-as-of" not in headers:
        yield f"{seen.path} was stale without X-Data-As-Of"
    if seen.sent > seen.may_end + SLACK:
        yield f"{seen.path} was answered long after who may do what was known"


def _judge_storage(site: Site, outages: list[Outage], result: Result) -> None:
    refused = {each.notes for outage in outages for each in outage.judged()} - {""}
    with psycopg.connect(**site.postgres.params()) as plain:
        rows = plain.execute("SELECT notes FROM worktime_worktime").fetchall()
    applied = refused & {row[0] for row in rows}
    result.figures["refused but applied"] = len(applied)
    if applied:
        result.broken.append(f"{len(applied)} writes were refused but applied")
