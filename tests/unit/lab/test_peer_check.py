"""The peer check itself, in a program that opens TLS connections as Kamailio does: who is asked for which name, and who for none."""

from __future__ import annotations

import ctypes
import os
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callseal.lab.authority import Authority
from callseal.lab.peer_check import build

pytestmark = pytest.mark.unit

NOW = datetime.fromtimestamp(time.time(), UTC)
HOST, SIX = "127.0.0.1", "::1"


class Server:
    """Shows a certificate of these names at `host`, and keeps what it can read."""

    def __init__(self, folder: Path, host: str, *names: str) -> None:
        authority = Authority.new("an authority", NOW)
        (folder / "ca.pem").write_bytes(authority.certificate)
        authority.issue(*names, now=NOW).write(folder, "server")
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "server.pem", folder / "server.key")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self.read = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            with self._tls.wrap_socket(self._listener.accept()[0], server_side=True) as stream:
                while more := stream.recv(4096):
                    self.read += more
        except OSError:
            pass

    def close(self) -> bytes:
        self._thread.join(5)
        self._listener.close()
        return self.read


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("client") / "tls_client"
    source = Path(__file__).with_name("tls_client.c")
    subprocess.run(["cc", "-o", str(program), str(source), "-l:libssl.so.3", "-l:libcrypto.so.3"], check=True)
    return program


@dataclass(frozen=True, slots=True)
class Client:
    """What a server of these names reads of a client that has these lines in its address list."""

    program: Path
    folder: Path

    def __call__(self, lines: str, *names: str, host: str = HOST) -> bytes:
        (self.folder / "address.list").write_text("# group address mask port tag\n" + lines, encoding="utf-8")
        return self.without_lines(*names, host=host)

    def without_lines(self, *names: str, host: str = HOST) -> bytes:
        server = Server(self.folder, host, *names)
        command = [str(self.program), host, str(server.port), str(self.folder / "ca.pem")]
        more = {"LD_PRELOAD": str(build()), "CALLSEAL_PEERS": str(self.folder / "address.list")}
        subprocess.run(command, env={**os.environ, **more}, check=False, timeout=10)
        return server.close()


@pytest.fixture
def says(client: Path, tmp_path: Path) -> Client:
    return Client(client, tmp_path)


TAG = "id=p;tr=tls;cn={};rps=5000;cps=500"


@pytest.mark.parametrize(
    ("lines", "names", "reads"),
    [
        (f"1 127.0.0.1 32 0 {TAG.format('sip.a.example')}\n", ("sip.a.example",), True),
        (f"1 127.0.0.0 29 0 {TAG.format('sip.b.example,SIP.A.example')}\n", ("sip.a.example",), True),
        (f"1 127.0.0.0 29 0 {TAG.format('sip.b.example,sip.a.example')}\n", ("x.example", "sip.b.example"), True),
        (f"1 127.0.0.1 32 0 {TAG.format('sip.a.example')}\n", ("sip.b.example",), False),
        (f"1 127.0.0.1 32 0 {TAG.format('sip.a.example')}\n", ("*.a.example",), False),
        (f"1 127.0.0.1 32 0 {TAG.format('sip.a.example')}\n", ("a.example", "sip.a.example.b.example"), False),
        ("2 127.0.0.1 32 0 id=q;tr=tls;rps=1\n", ("whoever.example",), True),
        (f"1 127.0.0.2 32 0 {TAG.format('sip.a.example')}\n", ("sip.a.example",), False),
        ("", ("sip.a.example",), False),
    ],
    ids=["its name", "one of its names", "any name of the certificate", "another name", "a wildcard", "nearly its name",
         "a peer without a name", "nobody's address", "an empty list"],
)  # fmt: skip
def test_who_reads_what(says: Client, lines: str, names: tuple[str, ...], reads: bool) -> None:
    assert says(lines, *names) == (b"INVITE\n" if reads else b"")


@pytest.mark.parametrize(("name", "reads"), [("sip.a.example", True), ("sip.b.example", False)])
def test_over_ipv6(says: Client, name: str, reads: bool) -> None:
    lines = f"1 127.0.0.0 8 0 id=x\n1 :: 64 0 {TAG.format('sip.a.example')}\n"
    assert bool(says(lines, name, host=SIX)) == reads


def test_without_its_file_nothing_is_said(says: Client) -> None:
    assert says.without_lines("sip.a.example") == b""


def accepted(source: str, port: int) -> tuple[int, int]:
    """The port that a connection comes from (0: whichever), and the one that the library says it comes from."""
    library = ctypes.CDLL(str(build()))
    with (
        socket.create_server((HOST, 0)) as listener,
        socket.create_connection(listener.getsockname(), source_address=(source, port)) as stream,
    ):
        address, length = (ctypes.c_ubyte * 16)(), ctypes.c_uint(16)
        os.close(library.accept(listener.fileno(), address, ctypes.byref(length)))
        return stream.getsockname()[1], int.from_bytes(bytes(address[2:4]), "big")


def test_where_a_named_peer_comes_from_is_no_way_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = f"1 127.0.0.9 32 0 {TAG.format('sip.a.example')}\n2 127.0.0.1 32 0 id=q;tr=tls\n"
    (tmp_path / "address.list").write_text(lines, encoding="utf-8")
    monkeypatch.setenv("CALLSEAL_PEERS", str(tmp_path / "address.list"))
    assert accepted("127.0.0.9", 15_061) == (15_061, 1)
    assert accepted("127.0.0.1", 15_062) == (15_062, 15_062), "it has no name"
    real, told = accepted("127.0.0.9", 0)
    assert told == real > 32_767, "a phone without a listener has such a port in its Contact"
