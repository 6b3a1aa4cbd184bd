"""What each drill breaks: context managers that break something for their block and mend it."""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Final

import psycopg

from config.dev.proxy import Proxy
from config.dev.servers import Server
from tests.bench.load import Client
from tests.bench.site import Site
from tests.drills.people import Person

HELD: Final = 500  # milliseconds


@dataclass
class Ground:
    """What there is to break: one app server, and what it needs."""

    site: Site
    proxy: Proxy
    port: int
    reads: int  # connections that reads may use, of all workers
    connections: int
    random: random.Random


@dataclass(frozen=True)
class Fault:
    """One way to break something; `seconds` is how long, at most."""

    name: str
    block: Callable[[Ground], AbstractContextManager[None]]
    seconds: float
    rest: float


@contextlib.contextmanager
def held(method: str, ground: Ground) -> Iterator[None]:
    """Keep all connections that a GET or a POST may have busy, as slow reports would."""
    count = ground.reads if method == "GET" else ground.connections
    is_over = threading.Event()

    async def hog() -> None:
        client = Client(ground.port, "")
        while not is_over.is_set():
            if (await client.ask(method, f"/drill/hold/{HELD}/")).status != 200:
                await asyncio.sleep(0.05)
        client.close()

    async def all_hogs() -> None:
        await asyncio.gather(*(hog() for _ in range(count)))

    thread = threading.Thread(target=lambda: asyncio.run(all_hogs()))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextlib.contextmanager
def down(how: str, which: Callable[[Ground], Server], ground: Ground) -> Iterator[None]:
    """Stop, kill or pause one of the ground's servers."""
    with broken(how, which(ground)):
        yield


@contextlib.contextmanager
def broken(how: str, server: Server) -> Iterator[None]:
    """Stop, kill or pause a server."""
    getattr(server, how)()
    try:
        yield
    finally:
        server.resume() if how == "pause" else server.start()


@contextlib.contextmanager
def cut(ground: Ground) -> Iterator[None]:
    """Cut one connection around COMMIT, or end backends that are in one."""
    with contextlib.suppress(psycopg.OperationalError):
        if ground.random.random() < 0.3:
            with psycopg.connect(**ground.site.postgres.params(user="postgres")) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = 'stechuhr' AND state <> 'idle' AND pid <> pg_backend_pid()"
                )
        else:
            arm = ground.random.choice((ground.proxy.cut_before, ground.proxy.cut_after))
            if not arm(b"COMMIT").wait(1.0):
                ground.proxy.stop()  # forgets it: an armed cut would strike later
                ground.proxy.start()
    yield


async def aim(name: str, ground: Ground, person: Person) -> None:
    """Strike once where a drill hurts most, before there is any load.

    Under load chance decides which worker is full, whose COMMIT is hit and whether a repetition of
    it comes through; a broken part would be noticed on most days.
    """
    if name == "exhaust":
        await _crowd(ground)
    if name == "faults":
        await _cut_in_two(ground, person)


async def _crowd(ground: Ground) -> None:
    """Want three times the connections at once, so that each worker uses all it would."""
    clients = [Client(ground.port, "") for _ in range(3 * ground.connections)]
    await asyncio.gather(*(each.ask("POST", f"/drill/hold/{HELD}/") for each in clients))
    for client in clients:
        client.close()


async def _cut_in_two(ground: Ground, person: Person) -> None:
    """Save lists; one's connection is cut right before COMMIT, another's right after it."""
    for arm in (ground.proxy.cut_before, ground.proxy.cut_after):
        armed = arm(b"COMMIT")
        for _ in range(20):  # a cold server may refuse before it gets so far
            await person.save_list()
            if armed.fired.is_set():
                break
        else:
            raise RuntimeError("no COMMIT came by")
    person.leave()


def _postgres(ground: Ground) -> Server:
    return ground.site.postgres


def _valkey(ground: Ground) -> Server:
    return ground.site.valkey


def schedule(drill: str, seconds: float, rest: float) -> list[Fault]:
    """Return what a drill does again and again: for how long, and how long it lets be."""
    if drill == "exhaust":
        return [
            Fault("slow reads take all they may have", partial(held, "GET"), seconds, rest),
            Fault("slow writes take all connections", partial(held, "POST"), seconds, rest),
        ]
    if drill == "exports":
        return [
            Fault("slow reads take all they may have", partial(held, "GET"), seconds, rest),
            Fault("database: kill", partial(down, "kill", _postgres), seconds / 2, rest),
            Fault("slow writes take all connections", partial(held, "POST"), seconds, rest),
            Fault("database: pause", partial(down, "pause", _postgres), seconds / 2, rest),
        ]
    if drill == "outage":
        return [
            Fault(f"database: {how}", partial(down, how, _postgres), seconds, rest)
            for how in ("kill", "stop", "pause")
        ]
    if drill == "redis":
        return [
            Fault(f"Redis: {how}", partial(down, how, _valkey), seconds, rest)
            for how in ("kill", "pause")
        ]
    return [Fault("connections cut around COMMIT", cut, 0.0, 0.02)]


def run(
    ground: Ground, faults: Sequence[Fault], until: float
) -> Iterator[tuple[Fault, float, float]]:
    """Inject faults one after the other, at least one; yield when each began and was mended."""
    for number, fault in enumerate(cycle(faults)):
        if number and time.monotonic() + fault.seconds + fault.rest > until:
            return
        began = time.monotonic()
        with fault.block(ground):
            time.sleep(fault.seconds)
        yield fault, began, time.monotonic()
        time.sleep(fault.rest)
