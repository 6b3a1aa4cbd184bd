"""A server that says what it was sent: `python -m tests.serving.echo PORT`.

Two threads, bodies of at most 1000 bytes, 3000 of all together, within a second.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from config import gateway


class Stream:
    """Many pieces; `closed` counts what was closed in this process."""

    streaming = True
    closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1000

    def close(self) -> None:
        Stream.closed += 1


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer method, path, headers and body as JSON; by path do something else."""
    path = environ["PATH_INFO"]
    if path == "/stream":
        start("200 OK", [("Content-Length", "1000000")])
        return Stream()
    if path == "/sleep":
        time.sleep(0.5)
    if path == "/fail":
        raise RuntimeError("on purpose")
    shown = {name: value for name, value in environ.items() if isinstance(value, str)}
    shown["body"] = environ["wsgi.input"].read().decode("latin-1")
    shown["closed"] = str(Stream.closed)
    body = json.dumps(shown).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def load() -> Any:
    gateway.BODY_TIMEOUT, gateway.ALL_BODIES = 1.0, 3000  # type: ignore[misc]
    return gateway.Gateway(echo, threads=2, largest_body=1000)


if __name__ == "__main__":
    Granian(
        "tests.serving.echo",
        port=int(sys.argv[1]),
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backpressure=4096,
        log_level=LogLevels.error,
    ).serve(target_loader=load, wrap_loader=False)
