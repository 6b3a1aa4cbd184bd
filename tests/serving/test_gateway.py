"""The gateway: a request takes a thread once its body is there, whole and of one meaning."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.dev.servers import free_port
from config.gateway import BROKEN, CHUNKED, CROWDED, LATE, TOO_LARGE

ROOT = Path(__file__).parents[2]
N = b'{"notes":"x"}'
HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "tests.serving.echo", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as server:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
        server.terminate()


def talk(port: int, sent: bytes, timeout: float = 5.0) -> bytes:
    """Send bytes and return all that is answered until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout) as client:
        client.sendall(sent)
        answered = b""
        while piece := client.recv(65536):
            answered += piece
        return answered


def ask(port: int, head: str, body: bytes = b"", method: str = "POST") -> tuple[int, Any]:
    sent = f"{method} /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n".encode() + body
    answered = talk(port, sent)
    status = int(answered.split()[1])
    content = answered.partition(b"\r\n\r\n")[2]
    return status, json.loads(content) if content[:1] == b"{" else None


def told(port: int, head: str, body: bytes = b"") -> tuple[str, str]:
    """Return the body that reached the application, and the fault that it is told of."""
    status, said = ask(port, head, body)
    assert status == 200
    return said["body"], said.get("stechuhr.body_fault", "")


def test_it_works(port: int) -> None:
    assert told(port, "Content-Length: 13\r\n", N) == (N.decode(), "")
    assert told(port, "Content-Length: 0\r\n") == ("", "")
    assert told(port, "") == ("", "")


def test_what_wsgi_says_of_a_request(port: int) -> None:
    sent = (
        b"GET /%C3%A4%20b?x=%ff&y HTTP/1.1\r\nHost: x:80\r\nConnection: close\r\n"
        b"X-A: 1\r\nX-A: 2\r\nCookie: a=1\r\nCookie: b=2\r\nContent-Type: text/x\r\n\r\n"
    )
    said = json.loads(talk(port, sent).partition(b"\r\n\r\n")[2])
    assert said["REQUEST_METHOD"] == "GET"
    assert said["PATH_INFO"].encode("latin-1") == "/ä b".encode()
    assert said["QUERY_STRING"] == "x=%ff&y"
    assert (said["REMOTE_ADDR"], said["SERVER_PORT"]) == ("127.0.0.1", str(port))
    assert (said["HTTP_HOST"], said["HTTP_X_A"], said["HTTP_COOKIE"]) == ("x:80", "1,2", "a=1; b=2")
    assert said["CONTENT_TYPE"] == "text/x"
    assert "CONTENT_LENGTH" not in said
    assert "PATH" not in said  # nothing of this machine's environment


def test_a_name_with_underscores_does_not_pass_for_a_proxys(port: int) -> None:
    _, said = ask(port, "X_Forwarded_For: 1.2.3.4\r\nX-Real: y\r\n", method="GET")
    assert "HTTP_X_FORWARDED_FOR" not in said
    assert said["HTTP_X_REAL"] == "y"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Transfer-Encoding: chunked\r\n", b"d\r\n" + N + b"\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", b"zz\r\n" + N),
        ("Transfer-Encoding: chunked\r\n", b"d\r\n" + N + b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", b"-d\r\n" + N + b"\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", b"d;x=1\r\n" + N + b"\r\n0\r\nTrailer: x\r\n\r\n"),
        ("Transfer-Encoding: gzip, chunked\r\n", b"d\r\n" + N + b"\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 13\r\n", b"d\r\n" + N + b"\r\n0\r\n\r\n"),
        ("Content-Length: 13\r\nTransfer-Encoding: chunked\r\n", N),
    ],
)
def test_chunked_bodies_are_not_read(port: int, head: str, body: bytes) -> None:
    assert told(port, head, body) == ("", CHUNKED)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Content-Length: -1\r\n", N),
        ("Content-Length: +13\r\n", N),
        ("Content-Length: 0x0d\r\n", N),
        ("Content-Length: \r\n", N),
        ("Content-Length: 13, 13\r\n", N),
        ("Content-Length: 13\r\nContent-Length: 5\r\n", N),
        ("Content-Length: 99999999999999999999\r\n", N),
        ("Transfer-Encoding: identity\r\n", N),
        ("Transfer-Encoding: xchunked\r\n", N),
        ("Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    ],
)
def test_wrong_framing_does_not_reach_the_application(port: int, head: str, body: bytes) -> None:
    assert ask(port, head, body) == (400, None)


def test_the_size_is_limited(port: int) -> None:
    assert told(port, "Content-Length: 1000\r\n", b"x" * 1000) == ("x" * 1000, "")
    assert told(port, "Content-Length: 1001\r\n", b"x" * 1001) == ("", TOO_LARGE)
    assert told(port, "Content-Length: 9000000\r\n") == ("", TOO_LARGE)


def test_a_body_that_is_late(port: int) -> None:
    began = time.monotonic()
    assert told(port, "Content-Length: 13\r\n", N[:5]) == ("", LATE)
    assert 0.9 < time.monotonic() - began < 5


def test_a_slow_body_in_time(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(HEAD % b"Connection: close\r\nContent-Length: 3")
        for byte in (b"a", b"b", b"c"):
            time.sleep(0.1)
            client.sendall(byte)
        answered = b""
        while piece := client.recv(65536):
            answered += piece
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["body"] == "abc"


def test_bodies_that_never_come_hold_no_thread(port: int) -> None:
    held = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(200)]
    for client in held:
        client.sendall(HEAD % b"Content-Length: 100" + b"x")
    began = time.monotonic()
    for _ in range(5):
        assert told(port, "Content-Length: 13\r\n", N) == (N.decode(), "")
    assert time.monotonic() - began < 0.9  # none of them has ended yet
    for client in held:
        assert LATE.encode() in client.recv(65536)
        client.close()


def test_all_bodies_together_are_limited(port: int) -> None:
    held = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(3)]
    for client in held:
        client.sendall(HEAD % b"Content-Length: 1000" + b"x" * 990)
    time.sleep(0.2)
    assert told(port, "Content-Length: 100\r\n", b"x" * 100) == ("", CROWDED)
    for client in held:
        client.sendall(b"x" * 10)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.close()
    assert told(port, "Content-Length: 1000\r\n", b"x" * 1000) == ("x" * 1000, "")


def test_a_client_that_leaves_amid_its_body(port: int) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(HEAD % b"Content-Length: 1000" + b"x" * 900)
    time.sleep(0.2)
    assert told(port, "Content-Length: 1000\r\n", b"x" * 1000) == ("x" * 1000, "")


def test_requests_in_a_row_on_one_connection(port: int) -> None:
    one = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n" + N
    last = b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answered = talk(port, one + one + last)
    assert re.findall(rb'"PATH_INFO": "(.*?)"', answered) == [b"/a", b"/a", b"/b"]


def test_a_body_of_a_get_is_not_the_next_request(port: int) -> None:
    smuggled = b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    answered = talk(port, sent % len(smuggled) + smuggled)
    assert re.findall(rb'"PATH_INFO": "(.*?)"', answered) == [b"/a"]


def test_a_stream_is_sent_whole_and_closed(port: int) -> None:
    before = int(ask(port, "", method="GET")[1]["closed"])
    answered = talk(port, b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = answered.partition(b"\r\n\r\n")
    assert b"content-length: 1000000" in head.lower()
    assert body == b"x" * 1_000_000
    with socket.create_connection(("127.0.0.1", port), 5) as client:  # who leaves in the midst
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(1000)
    deadline = time.monotonic() + 5
    while int(ask(port, "", method="GET")[1]["closed"]) < before + 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_slow_readers_hold_no_thread(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(20)]
    for client in slow:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.3)
    began = time.monotonic()
    assert told(port, "Content-Length: 13\r\n", N) == (N.decode(), "")
    assert time.monotonic() - began < 1
    for client in slow:
        client.close()


def test_what_the_application_raises_is_a_500(port: int) -> None:
    answered = talk(port, b"GET /fail HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 500")
    assert told(port, "Content-Length: 13\r\n", N) == (N.decode(), "")


def test_no_fault_is_unknown() -> None:
    from config.middleware import FAULTS

    assert FAULTS.keys() == {BROKEN, CHUNKED, CROWDED, LATE, TOO_LARGE}
