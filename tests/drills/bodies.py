"""Bodies that never come: `python -m tests.drills.bodies` holds connections that send one byte.

Half of them have an invented session. Meanwhile people clock in and out, and probes are asked.
"""

import argparse
import asyncio
import resource
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.bench.load import Client
from tests.bench.site import Site

TOKEN = "t" * 32
HELD_FOR = 10.0  # seconds, as the gateway waits
ANSWERED_WITHIN = 1.0  # seconds that a probe or a press may take meanwhile


@dataclass
class Result:
    """How the held connections ended, and what became of the others' requests meanwhile."""

    ends: Counter[bytes] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    held_for: list[float] = field(default_factory=list)

    def broken(self, connections: int) -> list[str]:
        """Return what did not hold."""
        wrong = []
        if self.ends != {b"408": connections}:
            wrong.append(f"held connections ended as {dict(self.ends)}")
        if self.statuses.keys() - {200, 201} or not self.statuses:
            wrong.append(f"other requests were answered {dict(self.statuses)}")
        if self.slowest > ANSWERED_WITHIN:
            wrong.append(f"another request took {self.slowest:.2f} s")
        if max(self.held_for, default=0.0) > 2 * HELD_FOR:
            wrong.append(f"a connection was held for {max(self.held_for):.1f} s")
        return wrong


async def _hold(port: int, number: int, result: Result) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    cookie = f"Cookie: sessionid=invented{number:024}\r\n" if number % 2 else ""
    writer.write(
        f"POST /api/worktime/start/ HTTP/1.1\r\nHost: localhost\r\n{cookie}"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\na".encode()
    )
    began = time.monotonic()
    answer = await reader.read(65536)
    result.held_for.append(time.monotonic() - began)
    result.ends[answer[9:12]] += 1
    writer.close()


async def _live(port: int, cookie: str, is_over: asyncio.Event, result: Result) -> None:
    client = Client(port, f"{cookie}; csrftoken={TOKEN}")
    headers = {"X-CSRFToken": TOKEN, "Content-Type": "application/json"}
    while not is_over.is_set():
        for method, path in (
            ("POST", "/api/worktime/start/"),
            ("GET", "/livez"),
            ("POST", "/api/worktime/stop/"),
        ):
            began = time.monotonic()
            answer = await client.ask(method, path, headers, b"{}" if method == "POST" else b"")
            result.slowest = max(result.slowest, time.monotonic() - began)
            result.statuses[answer.status] += 1
        await asyncio.sleep(0.2)
    client.close()


async def _all(port: int, cookies: list[str], connections: int) -> Result:
    result, is_over = Result(), asyncio.Event()
    await _live_once(port, cookies)
    people = [asyncio.create_task(_live(port, each, is_over, result)) for each in cookies]
    await asyncio.gather(*(_hold(port, number, result) for number in range(connections)))
    is_over.set()
    await asyncio.gather(*people)
    return result


async def _live_once(port: int, cookies: list[str]) -> None:
    """Warm the workers up."""
    await asyncio.gather(*(_ask_me(port, cookie) for cookie in cookies * 4))


async def _ask_me(port: int, cookie: str) -> None:
    client = Client(port, cookie)
    await client.ask("GET", "/api/me/")
    client.close()


def run(connections: int, people: int = 4) -> Result:
    """Hold so many connections against one app server and return what came of it."""
    wanted, (_, hard) = 2 * connections + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    with Site(people=people) as site, site.serving() as port:
        return asyncio.run(_all(port, list(site.cookies), connections))


def main() -> int:
    """Print what came of it; return 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.bodies", description=__doc__)
    parser.add_argument("--connections", type=int, default=1000, help="default: %(default)s")
    options = parser.parse_args()
    result = run(options.connections)
    print(f"{options.connections} connections ended as {dict(result.ends)}")
    print(f"meanwhile {dict(result.statuses)}, the slowest in {result.slowest:.2f} s")
    broken = result.broken(options.connections)
    for each in broken:
        print(f"BROKEN: {each}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
