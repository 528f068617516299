"""Deployment -> data files of Kamailio.

from callseal.render import render
paths = render(deployment, "edge-1", Path("/etc/callseal/router"))

The configuration itself (`router/*.cfg`) is hand-written and copied as it is; only data is rendered.
"""

from callseal.render.file import RenderedFile
from callseal.render.keys import MacKeys, derive, mac
from callseal.render.plan import SEEN_AT, plan
from callseal.render.write import hand_written, render

__all__ = ["SEEN_AT", "MacKeys", "RenderedFile", "derive", "hand_written", "mac", "plan", "render"]
