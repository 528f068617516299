"""An edge with an address of each family, and peers some of which speak IPv6 alone. The addresses are of the documentation
prefix, on loopback for as long as a rig runs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from callseal.lab.rootfs import Rootfs
from tests.integration.router.rig import BLOCK, Rig
from tests.support.sip_peer import SipPeer

_PREFIX = "2001:db8:81::"
EDGE, EDGE_MEDIA = f"{_PREFIX}20", f"{_PREFIX}21"
PLACES = {
    "customer": f"{_PREFIX}10",
    "partner": f"{_PREFIX}30",
    "partner_media": f"{_PREFIX}31",
    "agent": f"{_PREFIX}40",
}
STRANGER = f"{_PREFIX}66"
FACES = {"carrier": ("customer",), "partner": ("partner", "partner_media"), "platform": ("agent",)}


class SixRig(Rig):
    """`faces` have their SIP and media on IPv6 and nothing on IPv4."""

    def __init__(
        self, rootfs: Rootfs, root: Path, faces: tuple[str, ...], *, settings: dict[str, str] | None = None
    ) -> None:
        self._six = {who for face in faces for who in FACES[face]}
        super().__init__(rootfs, root, amend=self._amend, settings=settings)

    def _amend(self, text: str) -> str:
        for who in self._six:
            text = text.replace(f"sip:{getattr(BLOCK, who)}:", f"sip:[{PLACES[who]}]:")
            text = text.replace(f'["{getattr(BLOCK, who)}"]', f'["{PLACES[who]}"]')
        return text.replace(
            f'sip = "{BLOCK.kamailio}:5060"\n', f'sip = "{BLOCK.kamailio}:5060"\nsip6 = "[{EDGE}]:5060"\n'
        ).replace(
            f'media = "{BLOCK.edge_media}"\n', f'media = "{BLOCK.edge_media}"\nmedia6 = "{EDGE_MEDIA}"\n'
        )

    def place(self, who: str) -> str:
        return PLACES[who] if who in self._six else super().place(who)

    def _peer(self, face: str, address: str) -> SipPeer:
        return SipPeer(address, EDGE) if ":" in address else super()._peer(face, address)

    def __enter__(self) -> Self:
        for address in (EDGE, EDGE_MEDIA, STRANGER, *PLACES.values()):
            _lo("replace", address, "nodad")
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        for address in (EDGE, EDGE_MEDIA, STRANGER, *PLACES.values()):
            _lo("del", address)


def _lo(what: str, address: str, *more: str) -> None:
    subprocess.run(["ip", "-6", "address", what, f"{address}/128", "dev", "lo", *more], check=True)
