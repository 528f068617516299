"""The fence: what the partner's side sends is stopped on the agent leg while it is at the partner, as the policy says.

rtpengine does not show whether a party is blocked, but blocking once more changes nothing and says whether it could.
"Fenced" is therefore never remembered and never guessed: it is asserted anew whenever somebody asks.
"""

from __future__ import annotations

from callseal.edge.ng_client import NgRefusedError
from callseal.edge.nodes import Located, Nodes
from callseal.edge.settings import EdgeSettings

PARTNER = "partner"


async def assert_fence(
    nodes: Nodes, settings: EdgeSettings, call_id: str, found: Located
) -> tuple[Located, bool]:
    """Set the fence on an agent leg that was `found` at the partner; return a new look and whether it is fenced.

    A restoring re-INVITE may have lifted the fence between the two looks, and then ours came too late and would keep
    the caller's digits from the agent for the rest of the call: it is taken back. Raises `NgSilentError`.
    """
    if settings.fence == "unsafe-off":
        return found, False
    client = nodes[found.node]
    try:
        await client.block_dtmf(call_id, tones=settings.fence == "tones", label=PARTNER)
        if settings.fence == "mute":
            await client.block_media(call_id, label=PARTNER)
        after = await nodes.find(call_id, found.node)
        if after is None:
            return found, False
        if after.anchor.partner_place(settings.media) == "partner":
            return after, True
        await client.unblock_dtmf(call_id, label=PARTNER)
        if settings.fence == "mute":
            await client.unblock_media(call_id, label=PARTNER)
    except NgRefusedError:
        return found, False
    return after, False
