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


DEAD_S = 1.0
"""Silent for so long, and asked more than once meanwhile."""


class Nodes:
    """Every rtpengine of the deployment, by name."""

    def __init__(self, clients: Mapping[str, NgClient], own: str) -> None:
        self._clients = dict(clients)
        self._own = own
        self._quiet_until: dict[str, float] = {}
        self._silent_since: dict[str, float] = {}

    @property
    def own(self) -> NgClient:
        return self._clients[self._own]

    def __getitem__(self, node: str) -> NgClient:
        return self._clients[node]

    async def find(self, call_id: str, preferred: str, *, dead_have_none: bool = False) -> Located | None:
        """Find `call_id` (rtpengine's name of the leg). None: every node says that it has no such call.

        Raises `NgSilentError` when nobody has it but somebody did not answer: that proves nothing. With `dead_have_none` a node that has
        been silent for a while counts as one that has no calls: for whoever wants to know what is *not* anchored any more.
        """
        first = preferred if preferred in self._clients else self._own
        now = asyncio.get_running_loop().time()
        lately = {name for name, until in self._quiet_until.items() if until > now}
        others = set(self._clients) - {first}
        silent: set[str] = set()
        for names in ({first} - lately, others - lately, lately):
            order = sorted(names)
            answers = await asyncio.gather(*(self._look(name, call_id) for name in order))
            for name, answer in zip(order, answers, strict=True):
                if isinstance(answer, Located):
                    return answer
                if answer:
                    silent.add(name)
        if dead_have_none:
            silent -= {name for name, since in self._silent_since.items() if now - since >= DEAD_S}
        if silent:
            raise NgSilentError("not found, and not every rtpengine answered")
        return None

    async def uptimes(self) -> dict[str, int | None]:
        """Every node, and the seconds since it was started; None: it is silent."""
        ups = await asyncio.gather(*(self._uptime(node) for node in self._clients))
        return dict(zip(self._clients, ups, strict=True))

    async def _uptime(self, node: str) -> int | None:
        try:
            up = await self._clients[node].uptime()
        except NgSilentError:
            self._note_silence(node)
            return None
        except NgRefusedError:
            up = 0
        self._note_answer(node)
        return up

    async def _look(self, node: str, call_id: str) -> Located | bool:
        """The anchor; False: no such call; True: nothing that could be believed."""
        try:
            reply = await self._clients[node].query(call_id)
        except UnknownCallError:
            self._note_answer(node)
            return False
        except NgSilentError:
            self._note_silence(node)
            return True
        except NgRefusedError:
            return True
        self._note_answer(node)
        return Located(node, read_anchor(reply))

    def _note_silence(self, node: str) -> None:
        now = asyncio.get_running_loop().time()
        self._quiet_until[node] = now + QUIET_S
        self._silent_since.setdefault(node, now)

    def _note_answer(self, node: str) -> None:
        self._quiet_until.pop(node, None)
        self._silent_since.pop(node, None)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
