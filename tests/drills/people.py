"""The load of a drill: people who clock in and out, save lists and look, and note what they see."""

import asyncio
import json
import math
import random
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any, Final

from tests.bench.load import NO_ANSWER, Answer, Client

TOKEN: Final = "t" * 32
# Seconds that a client waits for an answer; none in that time is an answer too.
PATIENCE: Final = 10.0
LOOKS: Final = ("/api/me/", "/api/branches/", "/api/worktime/?limit=5", "/api/worktime/stats/")


@dataclass
class Write:
    """One thing that a person did, as they know it; `name` is stored with it."""

    kind: str
    name: str
    asked_at: float
    outcome: str = "running"  # accepted, refused or unknown
    accepted_at: float = 0.0
    stored_id: int | None = None


@dataclass
class Request:
    """One request; times are monotonic seconds."""

    person: int
    is_write: bool
    sent: float
    ended: float
    status: int
    code: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it got what it asked for, or a rule of the domain said no."""
        return 200 <= self.status < 300 or self.status == 409


@dataclass
class Ledger:
    """What all people saw; after `until` (monotonic seconds) nobody begins anything new."""

    until: float = math.inf
    requests: list[Request] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    # When somebody was shown less than they had been told is stored.
    outdated: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Person:
    """One signed-in person; `live` returns when the ledger is closed and nothing left undone."""

    def __init__(self, number: int, port: int, cookie: str, ledger: Ledger, *, seed: str) -> None:
        self.number = number
        self.ledger = ledger
        self.chance = random.Random(f"{seed} {number}")
        self.clients = [Client(port, f"{cookie}; csrftoken={TOKEN}") for _ in LOOKS]
        self.rounds = 0
        self._names = (f"{seed}-{number}-{n}" for n in count())

    async def live(self, *, think: float, pause: float) -> None:
        """Work and think; after a refusal wait for about `pause` seconds."""
        self.pause = pause
        await asyncio.sleep(self.chance.uniform(0, think))
        while monotonic() < self.ledger.until:
            record = await self._once("start", "/api/worktime/start/", lambda name: {"notes": name})
            if record is not None:
                await self._look_for(record["id"])
            await self.save_list()
            await asyncio.gather(
                *(
                    self._send(each, "GET", path)
                    for each, path in zip(self.clients, LOOKS, strict=True)
                )
            )
            if await self._once("stop", "/api/worktime/stop/", lambda name: {}) is not None:
                await self._look_for(None)
            self.rounds += 1
            await asyncio.sleep(think * self.chance.uniform(0.8, 1.2))
        self.leave()

    def leave(self) -> None:
        """Close all connections."""
        for client in self.clients:
            client.close()

    async def _once(self, kind: str, path: str, body: Any) -> dict[str, Any] | None:
        """Ask with one key until it is done; return the answer, None if it had to be given up."""
        name = next(self._names)
        write = Write(kind, name, monotonic())
        self.ledger.writes.append(write)
        # Nothing is given up at the end: what was begun is repeated for a while.
        while monotonic() < self.ledger.until + PATIENCE:
            answer = await self._send(self.clients[0], "POST", path, body(name), key=name)
            self._judge(write, answer)
            if write.outcome == "accepted":
                document: dict[str, Any] = json.loads(answer.body)
                write.stored_id = document["id"]
                return document
            if 400 <= answer.status < 500 and answer.code != "in_progress":
                self.ledger.wrong.append(f"{kind}: {answer.status} {answer.code}")
                return None
            # Who was refused looks whether the rest still works.
            await self._send(self.clients[1], "GET", self.chance.choice(LOOKS))
            await asyncio.sleep(self.pause * self.chance.uniform(0.5, 1.5))
        return None

    async def save_list(self) -> None:
        """Save a list once, without a key: only the backend stands against a second one."""
        name = next(self._names)
        write = Write("list", name, monotonic())
        self.ledger.writes.append(write)
        body = {"table": "worktime", "name": name, "conditions": []}
        self._judge(write, await self._send(self.clients[0], "POST", "/api/filter-lists/", body))

    def _judge(self, write: Write, answer: Answer) -> None:
        if 200 <= answer.status < 300:
            write.outcome, write.accepted_at = "accepted", monotonic()
        elif answer.status in (NO_ANSWER, 500) or answer.code == "outcome_unknown":
            write.outcome = "unknown"
        elif write.outcome != "unknown":
            # That a repetition was refused says nothing of the attempt before it.
            write.outcome = "refused"

    async def _look_for(self, record_id: int | None) -> None:
        """See whether the answer agrees with what this person was told last."""
        answer = await self._send(self.clients[0], "GET", "/api/worktime/active/")
        if answer.status == 200:
            running = json.loads(answer.body)["worktime"]
            if (running and running["id"]) != record_id:
                self.ledger.outdated.append(monotonic())

    async def _send(
        self, client: Client, method: str, path: str, body: Any = None, key: str = ""
    ) -> Answer:
        headers = {}
        if method != "GET":
            headers = {"X-CSRFToken": TOKEN, "Content-Type": "application/json"}
            headers |= {"Idempotency-Key": key} if key else {}
        sent = monotonic()
        answer = await client.ask(
            method,
            path,
            headers,
            json.dumps(body).encode() if body is not None else b"",
            patience=PATIENCE,
        )
        self.ledger.requests.append(
            Request(self.number, method != "GET", sent, monotonic(), answer.status, answer.code)
        )
        if answer.status == NO_ANSWER or (answer.status >= 500 and answer.status != 503):
            self.ledger.wrong.append(f"{method} {path}: {answer.status or 'no answer'}")
        return answer
