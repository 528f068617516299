"""A SIP peer over TLS: its own server for what the edge opens, one connection of its own towards the edge."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.sip_peer import Message, SipPeer
from tests.support.stage import Stage

TLS_PORT = 5061
_REPLY = b"SIP/2.0 "
_BRANCH = re.compile(rb"branch=([^;\r\n]*)")
_LENGTH = re.compile(rb"(?i)\r\n(?:content-length|l)[ \t]*:[ \t]*([0-9]+)")


def _branch(data: bytes) -> bytes:
    """That of the first Via, whatever else is in the message; b"" when there is none."""
    found = _BRANCH.search(data.partition(b"\r\n")[2])
    return found[1] if found else b""


def context(folder: Path, name: str, *, server: bool) -> ssl.SSLContext:
    """The TLS of one side: its own certificate `name`, and the lab's authority for the other side's."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    made.load_verify_locations(folder / "ca.pem")
    made.verify_mode = ssl.CERT_REQUIRED
    return made


class Stream:
    """One TCP or TLS connection as whole SIP messages (RFC 3261 section 18.3: Content-Length is what parts them).

    One thread may read while others send; OpenSSL's side of a connection bears one of them at a time, hence the lock.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.ended = False
        """The other side has closed."""
        self.tap: Callable[[bytes], None] | None = None
        """Sees every byte that comes, as it comes."""
        self._data = b""
        self._lock = threading.Lock()
        connection.setblocking(False)

    def send(self, message: str) -> None:
        self.send_bytes(message.encode())

    def send_bytes(self, data: bytes) -> None:
        while data:
            with self._lock:
                try:
                    data = data[self.connection.send(data) :]
                    continue
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                    pass
            time.sleep(0.001)

    def message(self, timeout_s: float | None = None) -> Message | None:
        """The next one; None when the other side has closed (`ended`), or when time is up."""
        data = self.message_bytes(timeout_s)
        return None if data is None else Message.parse(data)

    def message_bytes(self, timeout_s: float | None = None) -> bytes | None:
        """The same as it came."""
        while b"\r\n\r\n" not in self._data or len(self._data) < self._end():
            more = self._receive(timeout_s)
            if not more:
                return None
            self._data = (self._data + more).lstrip(b"\r\n")
        end = self._end()
        whole, self._data = self._data[:end], self._data[end:].lstrip(b"\r\n")
        return whole

    def _receive(self, timeout_s: float | None) -> bytes:
        while True:
            try:
                with self._lock:
                    more = self.connection.recv(65535)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                if not select.select([self.connection], [], [], timeout_s)[0]:
                    return b""
                continue
            except (OSError, ValueError):
                more = b""
            self.ended = not more
            if more and self.tap is not None:
                self.tap(more)
            return more

    def _end(self) -> int:
        head, _, _ = self._data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return len(head) + 4 + (int(length[1]) if length else 0)

    def hang_up(self) -> None:
        """End it, and leave the socket to the thread that reads it: a number given back early would be another's."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.hang_up()
        self.connection.close()


def connect(
    edge: tuple[str, int], tls: ssl.SSLContext | None, *, source: str, timeout_s: float = 3.0
) -> Stream:
    """A connection from `source`, TCP when `tls` is None. Raises `ssl.SSLError` or `OSError` when it is refused in the handshake."""
    plain = socket.create_connection(edge, timeout=timeout_s, source_address=(source, 0))
    try:
        return Stream(plain if tls is None else tls.wrap_socket(plain))
    except OSError:
        plain.close()
        raise


class TlsPeer(SipPeer):
    """Everything a `SipPeer` is, over TLS at port 5061. `certificates` is the lab's folder, `name` its own one there."""

    transport = "TLS"

    def __init__(
        self, address: str, edge: str, certificates: Path | None, name: str, *, port: int = TLS_PORT
    ) -> None:
        self.address, self.port, self.edge = address, port, (edge, port)
        self.mute = False
        self.intercept = None
        self.taps: Callable[[], Callable[[bytes], None]] | None = None
        """Makes the tap of each new connection."""
        self.heard: list[Message] = []
        self.unreadable: list[bytes] = []
        self._taken: set[int] = set()
        self._seen: set[tuple[str, str]] = set()
        self._news = threading.Condition()
        self._client = None if certificates is None else context(certificates, name, server=False)
        self._server = None if certificates is None else context(certificates, name, server=True)
        self._out: Stream | None = None
        self._came: dict[bytes, Stream] = {}
        self._streams: list[Stream] = []
        self._threads: list[threading.Thread] = []
        self.came_from: set[str] = set()
        self._open = True
        self._listener = socket.create_server((address, port), reuse_port=True)
        self._spawn(self._accept)

    @property
    def contact(self) -> str:
        return f"<sip:peer@{self.address}:{self.port};transport={self.transport.lower()}>"

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Every connection there has been, both ways."""
        return tuple(self._streams)

    @property
    def connections(self) -> int:
        """How many connections there have been, both ways."""
        return len(self._streams)

    def send_bytes(self, data: bytes) -> None:
        """A reply goes where its request came from; when that connection has ended (RFC 3261 18.2.2), and a request, over our own."""
        came = self._came.get(_branch(data)) if data.startswith(_REPLY) else None
        if came is not None and not came.ended:
            came.send_bytes(data)
            return
        if self._out is None or self._out.ended:
            self._out = connect(self.edge, self._client, source=self.address)
            self._follow(self._out)
        self._out.send_bytes(data)

    def hang_up_connection(self) -> None:
        """Close our own connection; the next request opens another."""
        if self._out is not None:
            self._out.hang_up()
        self._out = None

    def serve(self, certificates: Path, name: str) -> None:
        """Show another certificate from the next connection on."""
        self._server = context(certificates, name, server=True)

    def drop_connections(self) -> None:
        """Close whatever is open, both ways."""
        for stream in self._streams:
            stream.hang_up()
        self._out = None

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while self._open:
            try:
                plain, (source, _) = self._listener.accept()
            except OSError:
                return
            self.came_from.add(source)
            self._spawn(self._welcome, plain)

    def _welcome(self, plain: socket.socket) -> None:
        try:
            stream = Stream(
                plain if self._server is None else self._server.wrap_socket(plain, server_side=True)
            )
        except OSError:
            plain.close()
            return
        self._follow(stream)

    def _follow(self, stream: Stream) -> None:
        if self.taps is not None:
            stream.tap = self.taps()
        self._streams.append(stream)
        self._spawn(self._read, stream)

    def _read(self, stream: Stream) -> None:
        while (data := stream.message_bytes()) is not None:
            if not data.startswith(_REPLY):
                self._came[_branch(data)] = stream
            if self.intercept is not None and self.intercept(data):
                continue
            try:
                self._take(Message.parse(data))
            except (IndexError, UnicodeDecodeError):
                self.unreadable.append(data)
        stream.close()

    def close(self) -> None:
        self._open = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for stream in self._streams:
            stream.hang_up()
        for thread in self._threads:
            thread.join(2)


class TcpPeer(TlsPeer):
    """The same over TCP, in the clear."""

    transport = "TCP"

    def __init__(self, address: str, edge: str) -> None:
        super().__init__(address, edge, None, "", port=5060)


def certificate_shown(stage: Stage) -> bytes | None:
    """The edge's certificate (DER), as a new connection of the partner's meets it."""
    block = stage.world.block
    client = context(stage.world.workspace.root / "tls", "partner", server=False)
    stream = connect((block.kamailio, TLS_PORT), client, source=block.partner)
    assert isinstance(stream.connection, ssl.SSLSocket)
    certificate = stream.connection.getpeercert(binary_form=True)
    stream.close()
    return certificate
