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


QUIET_S = 2.0
"""A node that did not answer is asked last for so long: whoever asks about a call that has moved must not wait for it."""


class Nodes:
    """Every rtpengine of the deployment, by name."""

    def __init__(self, clients: Mapping[str, NgClient], own: str) -> None:
        self._clients = dict(clients)
        self._own = own
        self._quiet_until: dict[str, float] = {}

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
        now = asyncio.get_running_loop().time()
        lately = {name for name, until in self._quiet_until.items() if until > now}
        others = [name for name in self._clients if name != first]
        silent = False
        for names in (
            {first} - lately,
            set(others) - lately,
            lately,
        ):
            for answer in await asyncio.gather(*(self._look(name, call_id) for name in sorted(names))):
                if isinstance(answer, Located):
                    return answer
                silent = silent or answer
        if silent:
            raise NgSilentError("not found, and not every rtpengine answered")
        return None

    async def uptimes(self) -> dict[str, int | None]:
        """Every node, and the seconds since it was started; None: it is silent."""
        ups = await asyncio.gather(*(self._uptime(node) for node in self._clients))
        return dict(zip(self._clients, ups, strict=True))

    async def _uptime(self, node: str) -> int | None:
        try:
            return await self._clients[node].uptime()
        except NgSilentError:
            self._note_silence(node)
            return None
        except NgRefusedError:
            return 0

    def _note_silence(self, node: str) -> None:
        self._quiet_until[node] = asyncio.get_running_loop().time() + QUIET_S

    async def _look(self, node: str, call_id: str) -> Located | bool:
        try:
            return Located(node, read_anchor(await self._clients[node].query(call_id)))
        except UnknownCallError:
            return False
        except NgSilentError:
            self._note_silence(node)
            return True
        except NgRefusedError:
            return True

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
