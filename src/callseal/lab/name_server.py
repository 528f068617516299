"""A real name server: nsd (zone files in, answers out), authoritative for the zones it is given and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from callseal.deployment import Deployment
from callseal.lab.daemon import Daemon
from callseal.lab.place import HERE, Place
from callseal.render.zone import zone

_CONFIGURATION = """\
server:
    server-count: 1
    ip-address: {address}@{port}
    do-ip6: no
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    pidfile: ""
    database: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    hide-version: yes
    hide-identity: yes
    verbosity: 1
remote-control:
    control-enable: no
"""
# A question for the root's name servers: any answer shows life.
_PROBE = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"
_SERIAL = 1


def zones(deployment: Deployment) -> dict[str, str]:
    """The deployment's own zone as `callseal render` writes it, by its name."""
    name = deployment.dns.zone
    return {} if name is None else {name: zone(deployment, serial=_SERIAL)}


class NameServer(Daemon):
    """Serves `zones` (name -> zone file's text) on `address`, UDP and TCP; `serve` changes one and starts anew."""

    def __init__(
        self, folder: Path, address: str, zones: Mapping[str, str], *, port: int = 53, place: Place = HERE
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.address, self.port = address, port
        self._folder = folder
        text = _CONFIGURATION.format(address=address, port=port, folder=folder)
        for name, content in zones.items():
            (folder / f"{name}.zone").write_text(content, encoding="utf-8")
            text += f'zone:\n    name: "{name}"\n    zonefile: "{name}.zone"\n'
        configuration = folder / "nsd.conf"
        configuration.write_text(text, encoding="utf-8")
        super().__init__(
            "name-server",
            ["nsd", "-d", "-c", str(configuration)],
            log=folder / "nsd.log",
            ready=lambda: answers(address, port, place=place),
            place=place,
        )

    def serve(self, name: str, content: str) -> None:
        """Another text for zone `name`."""
        (self._folder / f"{name}.zone").write_text(content, encoding="utf-8")
        self.stop()
        self.restart()


def answers(address: str, port: int = 53, *, place: Place = HERE) -> bool:
    """Whether a name server says anything there within 0.2 s."""
    with place.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect((address, port))
            probe.send(_PROBE)
            return len(probe.recv(512)) >= 12
        except OSError:
            return False
