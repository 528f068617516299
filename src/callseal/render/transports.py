"""What Kamailio is given about SIP transports: listeners, TLS profiles, and what each peer must show.

A deployment whose peers all speak UDP gets none of it, so its router has no TLS and no TCP at all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

from callseal.deployment import Deployment, Edge, HostPort, Peer, SecretError, SipUri, Tls
from callseal.render.bound import listener
from callseal.render.file import SECRET_MODE, RenderedFile

TLS_PORT = 5061
CERTIFICATE, PRIVATE_KEY, AUTHORITIES = "certificate.pem", "private_key.pem", "ca.pem"
REVOKED = "crl.pem"

_HEAD = """\
# SIP over TLS. Rendered from deployment “{name}”: change that, not this. Read again by the RPC command tls.reload.
"""
# A client's certificate is asked for and looked at, but a bad one does not end the handshake: who must prove what is decided by the
# peer (router/transport.cfg), and so a refusal is counted and told.
_SERVER = """
[server:default]
method = TLSv{version}+
{cipher_list}certificate = {certificate}
private_key = {private_key}
ca_list = {ca}
verify_certificate = yes
require_certificate = no
verify_client = optional_no_ca
verify_depth = 5
"""
_CLIENT = """
[client:{whom}]
method = TLSv{version}+
{cipher_list}certificate = {certificate}
private_key = {private_key}
ca_list = {ca}
verify_certificate = {verify}
require_certificate = {verify}
verify_depth = 5
"""


def streams(deployment: Deployment) -> frozenset[str]:
    """The stream transports (`tcp`, `tls`) that some peer speaks."""
    return frozenset(peer.transport for peer in deployment.peers) - {"udp"}


def listeners(deployment: Deployment, edge: Edge, seen_at: str) -> dict[str, str]:
    """Defines of the stream listeners; empty when every peer speaks UDP."""
    spoken, bound = streams(deployment), edge.bound
    defines = {"WITH_STREAMS": ""} if spoken else {}
    if "tcp" in spoken:
        defines |= {"WITH_TCP": "", "EDGE_LISTEN_TCP": f"tcp:{listener(bound.sip, edge.sip)}"}
    if "tls" in spoken and edge.sip_tls is not None and bound.sip_tls is not None:
        defines |= {
            "WITH_TLS": "",
            "TLS_CONFIG": f'"{seen_at}/data/tls.cfg"',
            "EDGE_LISTEN_TLS": f"tls:{listener(bound.sip_tls, edge.sip_tls, edge.host)}",
        }
    if spoken:
        defines["FACE_TRANSPORTS"] = f'"{_by_face(deployment)}"'
        address = (bound.sip if bound.sip_tls is None or "tls" not in spoken else bound.sip_tls).address
        defines["EDGE_SOURCE"] = f"[{address}]" if address.version == 6 else str(address)
        if address.version == 6:
            defines["SOURCE_IS_SIX"] = ""
    return defines


def _by_face(deployment: Deployment) -> str:
    """What each face speaks; a face whose peers differ (carriers may) is left out."""
    carriers = {carrier.transport for carrier in deployment.carriers}
    spoken = {
        "partner": {deployment.partner.transport},
        "platform": {deployment.platform.transport},
        "carrier": carriers,
    }
    return ";".join(f"{face}={min(found)}" for face, found in spoken.items() if len(found) == 1)


def names(deployment: Deployment, edge: Edge) -> dict[str, str]:
    """Define of the cluster's name that goes into Record-Route; empty when the edge's region has none."""
    cluster = deployment.cluster_of(edge)
    return {} if cluster is None else {"CLUSTER_NAME": f'"{cluster}"'}


def proof(peer: Peer) -> str:
    """What an address of that peer must show: appended to its tag in `address.list`, empty for plain UDP."""
    names = f";cn={','.join(peer.tls_name)}" if peer.tls_name else ""
    return "" if peer.transport == "udp" else f";tr={peer.transport}{names}"


def destination(deployment: Deployment, uri: SipUri, peer: Peer) -> str:
    """The URI with the transport of its peer; a plain one stays as it is.

    A name without port is left to NAPTR where that can only lead to the right transport; else the transport is written
    down, and SRV alone decides.
    """
    if _is_for_dns(uri) and len(_named(deployment)) == 1:
        return str(SipUri(uri.host))
    plain = peer.transport == "udp" and not _is_for_dns(uri)
    return str(uri) if plain else str(SipUri(uri.host, uri.port, peer.transport))


def lookups(deployment: Deployment) -> dict[str, str]:
    """Defines for destinations that are names; empty when all are addresses."""
    named = _named(deployment)
    defines = {"WITH_NAMES": ""} if named else {}
    if len(named) == 1:
        (only,) = named
        defines["WITH_NAPTR"] = ""
        defines["NAPTR_TRANSPORT"] = f'"{only}"'
        for transport in ("udp", "tcp", "tls"):
            defines[f"NAPTR_{transport.upper()}"] = "10" if transport == only else "-1"
    return defines


def resolver_file(deployment: Deployment) -> tuple[RenderedFile, ...]:
    """`resolv.conf` for the router, to be seen as /etc/resolv.conf; nothing when the host's own will do."""
    servers = "".join(f"nameserver {address}\n" for address in deployment.dns.resolvers)
    text = f"{servers}options timeout:1 attempts:1\n"
    return (RenderedFile("data/resolv.conf", text),) if servers else ()


def _is_for_dns(uri: SipUri) -> bool:
    return uri.address is None and uri.port is None


def _named(deployment: Deployment) -> frozenset[str]:
    """Transports of the peers with a destination that DNS decides."""
    return frozenset(peer.transport for peer in deployment.peers if any(map(_is_for_dns, peer.destinations)))


def tls_files(deployment: Deployment, seen_at: str) -> tuple[RenderedFile, ...]:
    """`tls.cfg` and what it names: certificate, key and authorities, copied so that one directory holds all Kamailio reads.

    Nothing when nobody speaks TLS. Raises `SecretError` when a file cannot be read.
    """
    tls = deployment.tls
    if tls is None or "tls" not in streams(deployment):
        return ()
    return (
        RenderedFile("data/tls.cfg", profiles(deployment, f"{seen_at}/data")),
        RenderedFile(f"data/{CERTIFICATE}", _read(tls.certificate)),
        RenderedFile(f"data/{PRIVATE_KEY}", _read(tls.private_key), SECRET_MODE),
        RenderedFile(f"data/{AUTHORITIES}", _read(tls.ca)),
        *([RenderedFile(f"data/{REVOKED}", _joined(tls.crl))] if tls.crl else []),
    )


def _joined(paths: Iterable[Path]) -> str:
    """PEM files one after the other, each once and with its line end."""
    return "".join(f"{_read(path).rstrip()}\n" for path in dict.fromkeys(paths))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no PEM file"
        raise SecretError(
            f"{path} cannot be read: {why}", advice="docs/how-to/tls.md says what [tls] needs."
        ) from None


def profiles(deployment: Deployment, folder: str) -> str:
    """`tls.cfg`: how the edge speaks TLS as a server and as a client. Certificates are seen in `folder`.

    As a client it wants a certificate from its own authorities, except from peers without `tls_name`: with these it is
    encryption and no more. (The name itself is looked at by the router; OpenSSL compares none here.)
    """
    tls = deployment.tls
    if tls is None:
        return ""
    text = _HEAD.format(name=deployment.name) + _SERVER.format(**_common(tls, folder))
    text += _CLIENT.format(whom="default", verify="yes", **_common(tls, folder))
    for place in _unproven(deployment):
        text += _CLIENT.format(whom=place, verify="no", **_common(tls, folder))
    if tls.crl:
        text = text.replace("verify_depth = 5\n", f"verify_depth = 5\ncrl = {folder}/{REVOKED}\n")
    return text


def _common(tls: Tls, folder: str) -> dict[str, str]:
    return {
        "version": tls.min_version,
        # They are of TLS 1.2. Where it is not spoken Kamailio 6.1 takes what stands here for suites of TLS 1.3 and does not start; 6.0
        # takes no others. OpenSSL's own are used then, which all encrypt and authenticate (RFC 8446 section B.4).
        "cipher_list": "" if tls.min_version == "1.3" else f"cipher_list = {':'.join(tls.ciphers)}\n",
        "certificate": f"{folder}/{CERTIFICATE}",
        "private_key": f"{folder}/{PRIVATE_KEY}",
        "ca": f"{folder}/{AUTHORITIES}",
    }


def _unproven(deployment: Deployment) -> Iterable[HostPort]:
    """Literal destinations of peers that need not say who they are."""
    places = {
        HostPort(uri.address, uri.port or TLS_PORT): None
        for peer in deployment.peers
        if peer.transport == "tls" and not peer.tls_name
        for uri in peer.destinations
        if isinstance(uri.address, ipaddress.IPv4Address | ipaddress.IPv6Address)
    }
    return tuple(places)
