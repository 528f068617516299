"""Is a SIP server over TLS up? A handshake, or one OPTIONS with a certificate it must accept."""

from __future__ import annotations

import secrets
import socket
import ssl
from pathlib import Path


def tls_listens(address: str, port: int, source: str, folder: Path, name: str) -> bool:
    """True when a TLS handshake from `source` with the certificate `name` of `folder` comes to its end."""
    try:
        _connect(address, port, source, folder, name).close()
    except OSError:
        return False
    return True


def tls_answers(address: str, port: int, source: str, folder: Path, name: str) -> bool:
    """True when the server answers OPTIONS that comes from `source` with the certificate `name` of `folder`."""
    tag = secrets.token_hex(6)
    try:
        with _connect(address, port, source, folder, name) as probe:
            local = f"{source}:{probe.getsockname()[1]}"
            probe.sendall(
                (
                    f"OPTIONS sip:{address}:{port} SIP/2.0\r\nVia: SIP/2.0/TLS {local};branch=z9hG4bK{tag};rport\r\n"
                    f"From: <sip:probe@{local}>;tag={tag}\r\nTo: <sip:{address}:{port}>\r\nCall-ID: {tag}@{local}\r\n"
                    f"CSeq: 1 OPTIONS\r\nMax-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
                ).encode()
            )
            return probe.recv(4096).startswith(b"SIP/2.0 ")
    except OSError:
        return False


def _connect(address: str, port: int, source: str, folder: Path, name: str) -> ssl.SSLSocket:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.load_verify_locations(folder / "ca.pem")
    tls.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    plain = socket.create_connection((address, port), timeout=2, source_address=(source, 0))
    try:
        return tls.wrap_socket(plain)
    except OSError:
        plain.close()
        raise
