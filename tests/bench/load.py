"""A load generator: people whose page fires its requests at once, then think."""

import asyncio
import contextlib
import json
import random
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

# What the browser app fires when it starts.
PAGE: Final = (
    "/api/me/",
    "/api/organizations/current/",
    "/api/branches/",
    "/api/worktime/active/",
    "/api/worktime/?limit=20",
    "/api/me/",
    "/api/worktime/active/",
    "/api/branches/",
    "/api/organizations/current/",
    "/api/worktime/?limit=5",
)
NO_ANSWER: Final = 0


@dataclass
class Outcome:
    """What clients saw; times in seconds.

    Answers are counted while all people are there; a page that takes longer is waited for.
    """

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    requests: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    complete_pages: int = 0

    @property
    def ok_per_second(self) -> float:
        """Answers 200 a second."""
        return self.statuses[200] / self.seconds

    @property
    def refused(self) -> float:
        """The share of answers that were not 200."""
        total = self.statuses.total()
        return (total - self.statuses[200]) / total if total else 0.0

    def page_p95(self) -> float:
        """The 95th percentile of a page's time."""
        return p95(self.pages)


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile; not a number without values."""
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else float("nan")


@dataclass(frozen=True)
class Answer:
    """What came back; `status` is NO_ANSWER where nothing did."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        """A refusal's code, as in docs/api.md."""
        if "problem+json" in self.headers.get("content-type", ""):
            return str(json.loads(self.body)["code"])
        return ""


class Client:
    """One keep-alive connection of one person."""

    def __init__(self, port: int, session: str) -> None:
        """Talk to a port of this machine with a session's key, further cookies behind it."""
        self._port = port
        self._cookie = f"sessionid={session}"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str) -> int:
        """Return the status of a GET, NO_ANSWER where none came."""
        return (await self.ask("GET", path)).status

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        patience: float = 60.0,
    ) -> Answer:
        """Send a request and return its answer; waits `patience` seconds for it."""
        try:
            async with asyncio.timeout(patience):
                return await self._exchange(method, path, headers or {}, body)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return Answer(NO_ANSWER)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {self._cookie}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if method != "GET":
            lines.append(f"Content-Length: {len(body)}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *fields = head.rstrip().split("\r\n")
        found = {name.lower(): value for name, value in (each.split(": ", 1) for each in fields)}
        if found.get("transfer-encoding") == "chunked":
            content = await self._read_chunks(self._reader)
        else:
            content = await self._reader.readexactly(int(found.get("content-length", "0")))
        return Answer(int(first.split(" ", 2)[1]), found, content)

    async def _read_chunks(self, reader: asyncio.StreamReader) -> bytes:
        pieces = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        return b"".join(pieces)


async def storm(
    port: int,
    cookies: Sequence[str],
    *,
    seconds: float,
    think: float = 1.0,
    page: Sequence[str] = PAGE,
    warm_up: float = 0.0,
    progress: Callable[[float], None] = lambda share: None,
) -> Outcome:
    """Let each person load the page again and again; count what ends after `warm_up` seconds."""
    outcome = Outcome(seconds)
    began = monotonic()
    counted_from, until = began + warm_up, began + warm_up + seconds

    async def timed(client: Client, path: str) -> int:
        sent = monotonic()
        status = await client.get(path)
        if counted_from <= (ended := monotonic()) < until:
            outcome.statuses[status] += 1
            outcome.requests.append(ended - sent)
        return status

    async def person(cookie: str) -> None:
        clients = [Client(port, cookie) for _ in page]
        chance = random.Random(cookie)
        await asyncio.sleep(chance.uniform(0, think))
        while monotonic() < until:
            opened = monotonic()
            answers = await asyncio.gather(
                *(timed(client, path) for client, path in zip(clients, page, strict=True))
            )
            if monotonic() >= counted_from:
                outcome.pages.append(monotonic() - opened)
                is_complete = all(status == 200 for status in answers)
                outcome.complete_pages += is_complete and monotonic() < until
            await asyncio.sleep(think * chance.uniform(0.8, 1.2))
        for client in clients:
            client.close()

    async def tell() -> None:
        while True:
            progress(min(1.0, (monotonic() - began) / (until - began)))
            await asyncio.sleep(0.2)

    teller = asyncio.create_task(tell())
    await asyncio.gather(*(person(cookie) for cookie in cookies))
    teller.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await teller
    return outcome
