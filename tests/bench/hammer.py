"""As many requests as an app server answers, from a client that takes little time itself."""

import selectors
import socket
from collections.abc import Mapping, Sequence
from time import monotonic

PATIENCE = 60.0


def request(path: str, headers: Mapping[str, str]) -> bytes:
    """Return a GET as it is sent."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def hammer(port: int, requests: Sequence[bytes], *, seconds: float, status: int) -> int:
    """Send each request over a connection of its own, again and again; return how many answers.

    Waits for the last ones. Raises AssertionError for an answer of another status.
    """
    answers, until = 0, monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for each in requests:
            connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(each)
            selector.register(connection, selectors.EVENT_READ, (each, bytearray()))
        waiting = len(requests)
        while waiting:
            for key, _ in selector.select(PATIENCE):
                assert isinstance(key.fileobj, socket.socket)
                again, received = key.data
                received += key.fileobj.recv(1 << 20)
                if not _is_complete(received):
                    continue
                assert received[9:12] == str(status).encode(), bytes(received[:2000])
                received.clear()
                answers += 1
                if monotonic() < until:
                    key.fileobj.sendall(again)
                else:
                    waiting -= 1
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
    return answers


def _is_complete(received: bytearray) -> bool:
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = received.lower().find(b"content-length:", 0, end)
    length = int(received[at + 15 : received.find(b"\r", at)]) if at >= 0 else 0
    return len(received) >= end + 4 + length
