"""What stops the carrier's side of a customer leg at rtpengine, and what passes it again."""

from __future__ import annotations

from callseal.edge.anchors import OUTSIDE
from callseal.edge.ng_client import NgSilentError, UnknownCallError, UnknownPartyError
from callseal.edge.nodes import Nodes

CARRIER = OUTSIDE["customer"]


class NoSuchLegError(Exception):
    """No rtpengine has the leg, or it has no party labelled `carrier`."""


class CarrierBlocks:
    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def stop(self, call_id: str, node: str) -> str:
        """Block digits, then audio; returns the node that has the leg. Raises `NoSuchLegError`, `NgSilentError`, `NgRefusedError`."""
        try:
            await self._block(call_id, node)
        except (UnknownCallError, NgSilentError, KeyError):
            located = await self._nodes.find(call_id, node)
            if located is None:
                raise NoSuchLegError(call_id) from None
            node = located.node
            try:
                await self._block(call_id, node)
            except (UnknownCallError, UnknownPartyError):
                raise NoSuchLegError(call_id) from None
        except UnknownPartyError:
            raise NoSuchLegError(call_id) from None
        return node

    async def _block(self, call_id: str, node: str) -> None:
        client = self._nodes[node]
        await client.block_dtmf(call_id, label=CARRIER)
        await client.block_media(call_id, label=CARRIER)
        for tag in await self._forks(call_id, node):
            await client.block_dtmf(call_id, from_tag=tag)
            await client.block_media(call_id, from_tag=tag)

    async def release(self, call_id: str, node: str) -> None:
        """Pass audio, then digits. A leg that is gone has nothing stopped."""
        client = self._nodes[node]
        try:
            await client.unblock_media(call_id, label=CARRIER)
            await client.unblock_dtmf(call_id, label=CARRIER)
            for tag in await self._forks(call_id, node):
                await client.unblock_media(call_id, from_tag=tag)
                await client.unblock_dtmf(call_id, from_tag=tag)
        except (UnknownCallError, UnknownPartyError):
            return

    async def _forks(self, call_id: str, node: str) -> list[str]:
        """A label names the last party that was given it; a forked call out has several carriers."""
        located = await self._nodes.find(call_id, node)
        parties = located.anchor.labelled(CARRIER) if located is not None else ()
        return [party.tag for party in parties] if len(parties) > 1 else []
