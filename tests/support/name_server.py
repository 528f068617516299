"""A real name server, NSD, with zones of the test's own."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from callseal.lab.daemon import Daemon

_CONFIG = """\
server:
    server-count: 1
    ip-address: {address}@{port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    pidfile: ""
    database: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    verbosity: 1
remote-control:
    control-enable: no
"""


class NameServer(Daemon):
    """Serves `zones` (name -> zone file's text) on `address`; `serve` changes one and starts anew."""

    def __init__(self, folder: Path, address: str, zones: Mapping[str, str], *, port: int = 53) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.address, self.port = address, port
        self._folder = folder
        text = _CONFIG.format(address=address, port=port, folder=folder)
        for name, zone in zones.items():
            (folder / f"{name}.zone").write_text(zone, encoding="utf-8")
            text += f'zone:\n    name: "{name}"\n    zonefile: "{name}.zone"\n'
        config = folder / "nsd.conf"
        config.write_text(text, encoding="utf-8")
        super().__init__("nsd", ["nsd", "-d", "-c", str(config)], log=folder / "nsd.log", ready=self._answers)

    def serve(self, name: str, zone: str) -> None:
        (self._folder / f"{name}.zone").write_text(zone, encoding="utf-8")
        self.stop()
        self.restart()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            try:
                probe.connect((self.address, self.port))
                probe.send(b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01")
                return len(probe.recv(512)) >= 12
            except OSError:
                return False
