"""What the units of an edge's host read (infra/systemd): an environment file, systemd.exec(5), with rtpengine's addresses and ports."""

from __future__ import annotations

from callseal.deployment import Deployment, Edge
from callseal.render.bound import interfaces
from callseal.render.firewall import ng_http

ENVIRONMENT = "edge.env"
"""Its name in the rendered directory. rtpengine's unit reads it at each start."""


def environment(deployment: Deployment, edge: Edge) -> str:
    """The text of the file. `MEDIA` is one word an option, and is written without braces in a unit (`$MEDIA`)."""
    values = {
        "MEDIA": " ".join(f"--interface={one}" for one in interfaces(edge)),
        "NG": edge.ng,
        "NG_HTTP": ng_http(edge),
        "PORT_MIN": edge.media_ports.first,
        "PORT_MAX": edge.media_ports.last,
    }
    lines = "".join(f'{name}="{value}"\n' for name, value in values.items())
    return f"# rtpengine of edge {edge.id}. Rendered from deployment “{deployment.name}”: change that, not this.\n{lines}"
