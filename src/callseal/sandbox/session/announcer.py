"""What the customer of a moved call is told: recordings, played beside whatever else the session does."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from callseal.sandbox.capture.commands import Prompt
from callseal.sandbox.media.ng_client import MediaError
from callseal.sandbox.session.mover import Mover
from callseal.sandbox.session.scripts import Scripts
from callseal.sandbox.session.world import World

log = logging.getLogger(__name__)


class Announcer:
    """Speaks while the call's media is at the bridge, and when the switch `prompts` is on."""

    def __init__(self, session: str, mover: Mover, world: World, scripts: Scripts) -> None:
        self._session = session
        self._mover = mover
        self._world = world
        self._scripts = scripts

    def say(self, *prompts: Prompt) -> None:
        """Play these, one after the other, instead of what is playing now. What cannot be played is only logged."""
        if self._world.switches.prompts and self._mover.bridge is not None:
            self._scripts.let(self._play(prompts))

    async def _play(self, prompts: Sequence[Prompt]) -> None:
        try:
            await self._world.play(self._mover, prompts)
        except MediaError as error:
            log.warning("prompt_not_played", extra={"session": self._session, "why": str(error)})
