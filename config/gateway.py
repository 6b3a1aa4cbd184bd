"""Between the app server and Django: a request takes a thread once its body is there.

Granian speaks RSGI with this module and the module WSGI with Django. Under granian's own WSGI a
body that never comes would hold a thread for as long as its connection lasts, and a few dozen such
connections would stop everything. Here bodies are awaited on the event loop, within `BODY_TIMEOUT`
and bounds of memory. What is wrong with one is told by Django, so that the answer has the same form
as every other refusal (`config.middleware.BodyMiddleware`); that takes a thread too, but briefly.
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

# What is wrong with the body, in `environ`: one of the faults below, or nothing.
FAULT: Final = "stechuhr.body_fault"
CHUNKED: Final = "chunked"  # it has no length
LATE: Final = "late"  # it did not come in time
TOO_LARGE: Final = "too_large"
BROKEN: Final = "broken"  # its length contradicts itself, or its framing is wrong
CROWDED: Final = "crowded"  # the bodies of all requests take all the memory that they may

BODY_TIMEOUT: Final = 10.0  # seconds from the request's headers to the end of its body
ALL_BODIES: Final = 64 * 1024 * 1024  # bytes that a worker holds of bodies
PIECE: Final = 64 * 1024  # bytes of a file that are read and sent at a time

Environ = dict[str, Any]
WSGI = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Gateway:
    """An RSGI application that runs a WSGI one in `threads` threads."""

    def __init__(self, application: WSGI, *, threads: int, largest_body: int) -> None:
        """Describe it; a body may have `largest_body` bytes."""
        self._application = application
        self._largest = largest_body
        self._held = 0  # bytes of bodies; changed on the event loop only
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the requests that run end."""
        self._pool.shutdown()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        if scope.proto != "http":
            protocol.close(None)
            return
        environ = environ_of(scope)
        read = 0
        try:
            if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
                body, environ[FAULT] = await self._read(environ, protocol)
                read = len(body)
                environ["CONTENT_LENGTH"] = str(read)
                environ["wsgi.input"] = io.BytesIO(body)
            await self._answer(environ, protocol)
        finally:
            self._held -= read

    async def _read(self, environ: Environ, protocol: Any) -> tuple[bytes, str]:
        """Return the body, and what is wrong with it ("": nothing; else the body is empty)."""
        # Granian tells a chunked body whose framing is broken as if it ended there.
        if "HTTP_TRANSFER_ENCODING" in environ:
            return b"", CHUNKED
        length = environ["CONTENT_LENGTH"]
        if not (length.isascii() and length.isdecimal()):
            return b"", BROKEN
        if len(length) > 18 or int(length) > self._largest:
            return b"", TOO_LARGE
        chunks: list[bytes] = []
        size, fault = 0, ""
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                async for chunk in protocol:
                    size += len(chunk)
                    self._held += len(chunk)
                    chunks.append(chunk)
                    if self._held > ALL_BODIES:
                        fault = CROWDED
                        break
        except TimeoutError:
            fault = LATE
        except Exception:  # the server's own: the client left, or broke the framing
            fault = BROKEN
        if not fault and size != int(length):
            fault = BROKEN
        if fault:
            self._held -= size
            return b"", fault
        return b"".join(chunks), ""

    async def _answer(self, environ: Environ, protocol: Any) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer | None] = loop.create_future()
        self._pool.submit(self._run, environ, protocol, loop, done)
        stream = await done
        if stream is not None:
            await self._send(stream, protocol, loop)

    def _run(
        self,
        environ: Environ,
        protocol: Any,
        loop: asyncio.AbstractEventLoop,
        done: "asyncio.Future[Answer | None]",
    ) -> None:
        """Run the application in this thread; answer at once what is no stream."""
        stream = None
        try:
            answer = Answer(self._application, environ)
            if answer.is_stream:
                stream = answer
            else:
                protocol.response_bytes(answer.status, answer.headers, answer.body())
        except Exception as error:  # the application answers its own; this one is the server's
            loop.call_soon_threadsafe(done.set_exception, error)
            return
        loop.call_soon_threadsafe(done.set_result, stream)

    async def _send(self, answer: "Answer", protocol: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Send a file piece by piece; a slow client holds no thread meanwhile."""
        try:
            transport = protocol.response_stream(answer.status, answer.headers)
            while piece := await loop.run_in_executor(self._pool, answer.next_piece):
                await transport.send_bytes(piece)
        finally:
            await loop.run_in_executor(self._pool, answer.close)


class Answer:
    """What a WSGI application answers; made in the thread that runs it."""

    def __init__(self, application: WSGI, environ: Environ) -> None:
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self._result: Any = application(environ, self._start)
        self._pieces = iter(self._result)

    @property
    def is_stream(self) -> bool:
        """Whether it comes in pieces."""
        return bool(getattr(self._result, "streaming", False))

    def body(self) -> bytes:
        """Return all of it, and close it."""
        try:
            return b"".join(self._pieces)
        finally:
            self.close()

    def next_piece(self) -> bytes:
        """Return the next piece, of `PIECE` bytes or a little more; empty at the end."""
        gathered, size = [], 0
        for piece in self._pieces:
            gathered.append(piece)
            size += len(piece)
            if size >= PIECE:
                break
        return b"".join(gathered)

    def close(self) -> None:
        """Have the application end the request."""
        if close := getattr(self._result, "close", None):
            close()

    def _start(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], None]:
        self.status = int(status.split(" ", 1)[0])
        self.headers = [(name.lower(), value) for name, value in headers]
        return lambda piece: None


def environ_of(scope: Any) -> Environ:
    """Return the WSGI environment of a request, without a body."""
    client, _, client_port = scope.client.rpartition(":")
    server, _, server_port = scope.server.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_NAME": server,
        "SERVER_PORT": server_port,
        "REMOTE_ADDR": client.strip("[]"),
        "REMOTE_PORT": client_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        # With underscores it could pass for a header that a proxy sets.
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        if key in environ:
            separator = "; " if key == "HTTP_COOKIE" else ","
            value = f"{environ[key]}{separator}{value}"
        environ[key] = value
    if scope.authority and "HTTP_HOST" not in environ:
        environ["HTTP_HOST"] = scope.authority
    return environ
