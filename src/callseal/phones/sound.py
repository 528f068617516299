"""What a phone says and what it hears: the ports on PJSIP's conference bridge."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

from callseal.phones.levels import tone_volume

CLOCK_HZ = 8000
FRAME_MS = 20
FRAME_OCTETS = CLOCK_HZ * FRAME_MS // 1000 * 2
SILENCE = bytes(FRAME_OCTETS)


class Ear(pj.AudioMediaPort):  # type: ignore[misc]  # PJSIP has no types
    """Gets every frame the phone receives, on the bridge's clock thread, and passes it on as 320 octets s16le.

    The bridge ticks on while the far end is silent or gone; such frames arrive as zeros, so a listener keeps its pace.
    """

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        """`deliver` must not raise."""
        super().__init__()
        self._deliver = deliver
        layout = pj.MediaFormatAudio()
        layout.init(pj.PJMEDIA_FORMAT_PCM, CLOCK_HZ, 1, FRAME_MS * 1000, 16)
        self.createPort("ear", layout)

    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802  # PJSIP's name
        """Called 50 times a second. An exception here would end the process."""
        # bytes() walks the vector element by element, about 0.3 ms a frame (1.5 % of a core): PJSIP 2.15 offers no copy.
        heard = bytes(frame.buf) if frame.type == pj.PJMEDIA_FRAME_TYPE_AUDIO else b""
        self._deliver(heard if len(heard) == FRAME_OCTETS else SILENCE)


class Mouth:
    """A looping WAV and a tone generator, both connected to the call's media."""

    def __init__(self, *, tone_level_dbm0: float, speech_while_pressing: bool) -> None:
        self._level = tone_level_dbm0
        self._speech_while_pressing = speech_while_pressing
        self._tones = pj.ToneGenerator()
        self._tones.createToneGenerator(CLOCK_HZ, 1)
        self._player: Any = None
        self._call: Any = None
        self._quiet = False

    def say(self, wav: Path) -> None:
        """Speak this file in a loop, from its beginning. Raises `pj.Error` when PJSIP cannot read it."""
        player = pj.AudioMediaPlayer()
        player.createPlayer(str(wav), 0)
        self._stop_speech()
        self._player = player
        self._quiet = False
        self._start_speech()

    def mute(self) -> None:
        self._stop_speech()
        self._quiet = True

    def attach(self, call_media: Any) -> None:
        """Speak into this call. Called again after every re-INVITE: PJSIP may have made a new stream."""
        self._call = call_media
        self._tones.startTransmit(call_media)
        self._start_speech()

    def detach(self) -> None:
        """The call is gone, and PJSIP has removed its port and all connections with it."""
        self._call = None

    def tone(self, digit: str, duration_ms: int, gap_ms: int) -> None:
        """One in-band digit into the call (ITU-T Q.23), with its gap, on the bridge's own clock."""
        if not self._speech_while_pressing:
            self._stop_speech()
        key = pj.ToneDigit()
        key.digit = digit
        key.on_msec = duration_ms
        key.off_msec = gap_ms
        key.volume = tone_volume(self._level, digit)
        keys = pj.ToneDigitVector()
        keys.append(key)
        self._tones.playDigits(keys)

    def pressed(self) -> None:
        """The keys are released: speech goes on."""
        self._start_speech()

    def _start_speech(self) -> None:
        if self._player is not None and self._call is not None and not self._quiet:
            self._player.startTransmit(self._call)

    def _stop_speech(self) -> None:
        if self._player is not None and self._call is not None:
            with contextlib.suppress(pj.Error):  # it was not connected
                self._player.stopTransmit(self._call)
