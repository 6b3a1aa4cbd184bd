"""A load generator: people whose page fires its requests at once, then think."""

import asyncio
import contextlib
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
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
    """What clients saw; times in seconds."""

    seconds: float = 0.0
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


class Client:
    """One keep-alive connection of one person."""

    def __init__(self, port: int, cookie: str) -> None:
        self._port = port
        self._cookie = cookie
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str) -> int:
        """Return the status of a GET, NO_ANSWER where none came."""
        try:
            return await self._exchange(path)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return NO_ANSWER

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _exchange(self, path: str) -> int:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Cookie: sessionid={self._cookie}\r\n\r\n".encode()
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = head.split("content-length:", 1)[1].split("\r\n", 1)[0]
        await self._reader.readexactly(int(length))
        return int(head.split(" ", 2)[1])


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
    outcome = Outcome()
    began = monotonic()
    counted_from, until = began + warm_up, began + warm_up + seconds

    async def timed(client: Client, path: str) -> tuple[int, float]:
        sent = monotonic()
        return await client.get(path), monotonic() - sent

    async def person(cookie: str) -> None:
        clients = [Client(port, cookie) for _ in page]
        chance = random.Random(cookie)
        await asyncio.sleep(chance.uniform(0, think))
        while monotonic() < until:
            opened = monotonic()
            answers = await asyncio.gather(
                *(timed(client, path) for client, path in zip(clients, page, strict=True))
            )
            if opened >= counted_from:
                outcome.pages.append(monotonic() - opened)
                outcome.statuses.update(status for status, _ in answers)
                outcome.requests.extend(took for _, took in answers)
                outcome.complete_pages += all(status == 200 for status, _ in answers)
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
    outcome.seconds = monotonic() - counted_from
    return outcome
