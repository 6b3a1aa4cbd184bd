"""Asks whether a PostgreSQL server answers at all, without taking one of its connections.

The question is the protocol's SSLRequest, which server and PgBouncer answer with one byte before
any authentication. It tells a slow statement (the server answers) from a server that is stopped,
paused or cut off (nothing answers). An answer does not promise that log-ins work.
"""

import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any, Final

# Length 8, then 1234 and 5679: PostgreSQL's "Message Formats", SSLRequest.
SSL_REQUEST: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"

Address = tuple[str, int]


def addresses(params: Mapping[str, Any]) -> list[Address]:
    """Return the hosts and ports among connection parameters; none if they are implied."""
    hosts = str(params.get("host") or "").split(",")
    ports = str(params.get("port") or 5432).split(",")
    ports *= len(hosts) if len(ports) == 1 else 1
    return [(host, int(port or 5432)) for host, port in zip(hosts, ports, strict=False) if host]


def answers(host: str, port: int, probe_timeout: float) -> bool:
    """Return whether the server at a host name, address or socket folder answers in time."""
    try:
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX) as unix:
                unix.settimeout(probe_timeout)
                unix.connect(f"{host}/.s.PGSQL.{port}")
                return _asks(unix)
        with socket.create_connection((host, port), timeout=probe_timeout) as tcp:
            return _asks(tcp)
    except OSError:
        return False


def any_answers(known: Sequence[Address], probe_timeout: float) -> bool:
    """Return whether one of several servers answers in time; all are asked at once."""
    hosts, ports = zip(*known, strict=True)
    if len(hosts) == 1:
        return answers(hosts[0], ports[0], probe_timeout)
    with ThreadPoolExecutor(len(hosts)) as asking:
        return any(asking.map(answers, hosts, ports, repeat(probe_timeout)))


def _asks(connected: socket.socket) -> bool:
    connected.sendall(SSL_REQUEST)
    return bool(connected.recv(1))
