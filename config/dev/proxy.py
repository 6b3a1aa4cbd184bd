"""A TCP proxy that breaks connections on purpose, at an exact point when asked to.

It listens on a port of 127.0.0.1 and forwards to a server's TCP port or unix socket. Every method
returns when its effect is complete. Whoever reaches the port reaches the server: put it before a
port that asks for a password.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from config.dev.servers import free_port

CHUNK: Final = 65_536
TIMEOUT: Final = 5.0
AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close by reset, drop what is unsent

Address = tuple[str, int] | str


@dataclass
class Cut:
    """A break that waits for its bytes; `fired` is set when it has happened."""

    request: bytes
    forward: bool
    answer: bytes = b""
    fired: threading.Event = field(default_factory=threading.Event)

    def wait(self, timeout: float = TIMEOUT) -> bool:
        """Wait until it has happened; return whether it has."""
        return self.fired.wait(timeout)


class Proxy:
    """Forwards connections to `target`, (host, port) or the path of a unix socket."""

    def __init__(self, target: Address) -> None:
        self.target = target
        self.port = free_port()
        self.accepted = 0  # connections so far
        self.state = threading.Condition()
        self.frozen = False
        self._links: set[_Link] = set()
        self._cuts: list[Cut] = []
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Listen, on the same port each time."""
        assert self._listener is None, "already started"
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._acceptor = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Refuse new connections and drop all; forgets cuts and heals. Harmless when stopped."""
        if self._listener is None or self._acceptor is None:
            return
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self._listener = None
        self.cut()
        self.heal()
        with self.state:
            self._cuts.clear()

    def cut(self) -> None:
        """Drop all present connections by reset."""
        with self.state:
            links = list(self._links)
        for link in links:
            link.reset()
        for link in links:
            link.gone.wait(TIMEOUT)

    def blackhole(self) -> None:
        """Accept and keep silent: no byte is forwarded either way until `heal`."""
        self._freeze(True)

    def heal(self) -> None:
        """Forward again, first what arrived meanwhile as a network would (`cut` loses it)."""
        self._freeze(False)

    def cut_before(self, request: bytes) -> Cut:
        """Drop the next connection on which a client sends these bytes, without forwarding them."""
        return self._arm(Cut(request, forward=False))

    def cut_after(self, request: bytes, answer: bytes = b"") -> Cut:
        """Forward these bytes, wait for the server's answer, then drop without passing it on.

        `answer` is what the answer must contain to count; by default any byte does.
        """
        return self._arm(Cut(request, forward=True, answer=answer))

    def take_cut(self, data: bytes) -> Cut | None:
        """Return the armed cut that these bytes set off, once."""
        with self.state:
            for cut in self._cuts:
                if cut.request in data:
                    self._cuts.remove(cut)
                    return cut
        return None

    def _arm(self, cut: Cut) -> Cut:
        with self.state:
            self._cuts.append(cut)
        return cut

    def _freeze(self, frozen: bool) -> None:
        with self.state:
            self.frozen = frozen
            self.state.notify_all()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # `stop` shuts the listener down
            while True:
                client, _ = listener.accept()
                link = _Link(self, client)
                with self.state:
                    self.accepted += 1
                    self._links.add(link)
                threading.Thread(target=self._run, args=(link,), daemon=True).start()

    def _run(self, link: "_Link") -> None:
        link.run()
        with self.state:
            self._links.discard(link)
        link.gone.set()


class _Link:
    """One connection: a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        family = socket.AF_UNIX if isinstance(proxy.target, str) else socket.AF_INET
        self.server = socket.socket(family)
        self.gone = threading.Event()
        self._broken = False
        self._cut: Cut | None = None
        self._withheld = b""

    def run(self) -> None:
        """Forward until one end closes or the link is reset; closes both."""
        with self.client, self.server, contextlib.suppress(OSError):
            if self._may_pass():
                self.server.connect(self.proxy.target)
                back = threading.Thread(target=self._pump, args=(self.server, self._to_client))
                back.start()
                self._pump(self.client, self._to_server)
                back.join()

    def reset(self) -> None:
        """Make both ends see a reset and this link's threads end."""
        with self.proxy.state:
            self._broken = True
            self.proxy.state.notify_all()
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                end.shutdown(socket.SHUT_RDWR)

    def _pump(self, source: socket.socket, forward: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(CHUNK)) and self._may_pass():
                forward(data)
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _may_pass(self) -> bool:
        with self.proxy.state:
            self.proxy.state.wait_for(lambda: self._broken or not self.proxy.frozen)
            return not self._broken

    def _to_server(self, data: bytes) -> None:
        cut = self.proxy.take_cut(data)
        if cut is not None and not cut.forward:
            self._fire(cut)
            return
        self._cut = cut or self._cut
        self.server.sendall(data)

    def _to_client(self, data: bytes) -> None:
        if self._cut is None:
            self.client.sendall(data)
            return
        self._withheld += data
        if self._cut.answer in self._withheld:
            self._fire(self._cut)

    def _fire(self, cut: Cut) -> None:
        self.reset()
        cut.fired.set()
