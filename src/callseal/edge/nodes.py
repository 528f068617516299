"""Which rtpengine holds a call: the named node is a preference, the others are asked when it does not know."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from callseal.edge.anchors import Anchor, read_anchor
from callseal.edge.ng_client import NgClient, NgRefusedError, NgSilentError, UnknownCallError


@dataclass(frozen=True, slots=True)
class Located:
    """An anchor and the node that has it."""

    node: str
    anchor: Anchor


class Nodes:
    """Every rtpengine of the deployment, by name."""

    def __init__(self, clients: Mapping[str, NgClient], own: str) -> None:
        self._clients = dict(clients)
        self._own = own

    @property
    def own(self) -> NgClient:
        return self._clients[self._own]

    def __getitem__(self, node: str) -> NgClient:
        return self._clients[node]

    async def find(self, call_id: str, preferred: str) -> Located | None:
        """Find `call_id` (rtpengine's name of the leg). None: every node says that it has no such call.

        Raises `NgSilentError` when nobody has it but somebody did not answer: that proves nothing.
        """
        first = preferred if preferred in self._clients else self._own
        silent = False
        try:
            return Located(first, read_anchor(await self._clients[first].query(call_id)))
        except UnknownCallError:
            pass
        except (NgSilentError, NgRefusedError):
            silent = True
        others = [name for name in self._clients if name != first]
        answers = await asyncio.gather(*(self._look(name, call_id) for name in others))
        for answer in answers:
            if isinstance(answer, Located):
                return answer
            silent = silent or answer
        if silent:
            raise NgSilentError("not found, and not every rtpengine answered")
        return None

    async def _look(self, node: str, call_id: str) -> Located | bool:
        try:
            return Located(node, read_anchor(await self._clients[node].query(call_id)))
        except UnknownCallError:
            return False
        except (NgSilentError, NgRefusedError):
            return True

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
