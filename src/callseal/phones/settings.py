"""What one phone is told at start: a small TOML file, read into `PhoneSettings`."""

from __future__ import annotations

import json
import tomllib
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

VOICES = Path(__file__).parent / "voices"

Endpoint = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$")]
Codec = Literal["PCMU", "PCMA"]

DEFAULT_SHOWN_HEADERS = (
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "User-Agent",
    "X-Call-Reference",
    "P-Asserted-Identity",
    "Privacy",
    "Diversion",
)


class PhoneSettings(BaseModel):
    """One phone. Unknown keys are refused.

    Levels are dBm0 (0 dBm0 is 3.17 dB below the loudest sine G.711 can carry), times are milliseconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    address: IPv4Address
    """SIP and RTP are bound to this address and to no other."""
    sip_port: int = Field(default=5060, ge=0, le=65535)
    rtp_first: int = Field(default=20000, ge=1024, le=65534)
    rtp_last: int = Field(default=20999, ge=1024, le=65535)
    user: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+_.-]{1,64}$")] = "phone"
    """User part of From and Contact: the customer's number, the agent's name."""
    outbound_proxy: Endpoint | None = None
    """Every call outside a dialog goes here first, as a loose route; requests inside one follow its route set."""

    codecs: tuple[Codec, ...] = Field(default=("PCMU", "PCMA"), min_length=1)
    """Order of preference."""
    dtmf_payload_type: int = Field(default=101, ge=96, le=127)
    rtp: Literal["clear", "srtp"] = "clear"
    """`srtp`: SDES keys (RFC 4568) offered and required."""
    session_timer_s: int | None = Field(default=None, ge=90)
    """RFC 4028 session interval; off when not given."""

    auto_answer: bool = False
    ring_ms: int = Field(default=0, ge=0, le=60_000)
    """With auto-answer: 180 Ringing this long, then 200. 0 answers at once, without a 180."""

    say: str | None = None
    """A voice of `phones/voices` (`customer`, `agent`) or a path to a WAV (8 kHz, mono, 16 bit), spoken in a loop."""
    tone_level_dbm0: float = Field(default=-10.0, ge=-40.0, le=-4.0)
    """Level of the lower tone of an in-band digit; the upper one is about 1 dB louder."""
    speech_while_pressing: bool = False
    """True mixes in-band digits into the speech. A real keypad mutes the microphone while a key is down."""
    audio_feed: Endpoint | None = None
    """Where every received 20 ms frame goes as one datagram (s16le, 8 kHz, 320 octets)."""

    shown_headers: tuple[str, ...] = DEFAULT_SHOWN_HEADERS
    """Headers whose values events may show. Of all others events show the name only."""
    log_file: Path | None = None
    """PJSIP's own log. Its levels above 3 would write digits and SIP bodies, so they do not exist here."""
    log_level: int = Field(default=1, ge=0, le=3)

    @model_validator(mode="after")
    def _ports_in_order(self) -> Self:
        if self.rtp_last - self.rtp_first < 3:
            raise ValueError("rtp_last must be at least rtp_first + 3: two calls may overlap by a moment")
        return self

    @property
    def identity(self) -> str:
        return f"sip:{self.user}@{self.address}"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file; relative paths in it start at its folder.

        Raises `OSError`, `tomllib.TOMLDecodeError` or `pydantic.ValidationError`.
        """
        with path.open("rb") as source:
            table = tomllib.load(source)
        settings = cls.model_validate(table)
        if settings.log_file is not None and not settings.log_file.is_absolute():
            settings = settings.model_copy(update={"log_file": path.parent / settings.log_file})
        return settings

    def to_toml(self) -> str:
        """The same settings as TOML. JSON strings, numbers, booleans and lists are TOML as they stand."""
        table = self.model_dump(mode="json", exclude_none=True)
        return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def voice_path(name: str) -> Path:
    """The WAV behind the name of a voice, or the path itself. Raises `FileNotFoundError`."""
    path = Path(name) if "/" in name or name.endswith(".wav") else VOICES / f"{name}.wav"
    if not path.is_file():
        raise FileNotFoundError(f"no such voice: {path}")
    return path
