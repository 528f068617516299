"""What one phone is told at start: a small TOML file, read into `PhoneSettings`."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from callseal.phones.checked import (
    Checked,
    FaultError,
    checked,
    flag,
    integer,
    ipv4,
    number,
    one_of,
    optional,
    several,
    text,
)

VOICES = Path(__file__).parent / "voices"

Codec = Literal["PCMU", "PCMA", "G722"]

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

_ENDPOINT = text(r"\d{1,3}(\.\d{1,3}){3}:\d{1,5}", "ADDRESS:PORT")
_ENDPOINTS = several(_ENDPOINT)


def _endpoints(value: Any) -> object:
    return _ENDPOINTS([value] if isinstance(value, str) else value)


_PATH = text(r"[^\0]+", "a path")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSettings(Checked):
    """One phone. Unknown keys and wrong values are refused with `FaultError`.

    Levels are dBm0 (0 dBm0 is 3.17 dB below the loudest sine G.711 can carry), times are milliseconds.
    """

    name: str = checked(text(r"[a-z][a-z0-9-]{0,30}", "a short lower-case name"))
    address: str = checked(ipv4)
    """SIP and RTP are bound to this IPv4 address and to no other."""
    sip_port: int = checked(integer(0, 65535), default=5060)
    rtp_first: int = checked(integer(1024, 65535), default=20000)
    rtp_last: int = checked(integer(1024, 65535), default=20999)
    user: str = checked(text(r"[A-Za-z0-9+_.-]{1,64}", "the user part of a SIP URI"), default="phone")
    """User part of From and Contact: the customer's number, the agent's name."""
    outbound_proxy: str | None = checked(optional(_ENDPOINT), default=None)
    """Every call outside a dialog goes here first, as a loose route; requests inside one follow its route set."""

    transport: Literal["udp", "tls"] = checked(one_of("udp", "tls"), default="udp")
    """SIP transport. `tls` needs the three files; the server must show a certificate of `tls_ca` that bears its name."""
    tls_certificate: str | None = checked(optional(_PATH), default=None)
    tls_key: str | None = checked(optional(_PATH), default=None)
    tls_ca: str | None = checked(optional(_PATH), default=None)

    codecs: tuple[Codec, ...] = checked(
        several(one_of("PCMU", "PCMA", "G722"), at_least=1), default=("PCMU", "PCMA")
    )
    """Order of preference."""
    dtmf_payload_type: int = checked(integer(96, 127), default=101)
    rtp: Literal["clear", "srtp"] = checked(one_of("clear", "srtp"), default="clear")
    """`srtp`: SDES keys (RFC 4568) offered and required."""
    session_timer_s: int | None = checked(optional(integer(90, 86_400)), default=None)
    """RFC 4028 session interval; off when not given."""

    auto_answer: bool = checked(flag, default=False)
    ring_ms: int = checked(integer(0, 60_000), default=0)
    """With auto-answer: 180 Ringing this long, then 200. 0 answers at once, without a 180."""

    say: str | None = checked(optional(_PATH), default=None)
    """A voice of `phones/voices` (`customer`, `agent`) or a path to a WAV (8 kHz, mono, 16 bit), spoken in a loop."""
    tone_level_dbm0: float = checked(number(-40, -4), default=-10.0)
    """Level of the lower tone of an in-band digit; the upper one is about 1 dB louder."""
    speech_while_pressing: bool = checked(flag, default=False)
    """True mixes in-band digits into the speech. A real keypad mutes the microphone while a key is down."""
    audio_feed: tuple[str, ...] = checked(_endpoints, default=())
    """Where every received 20 ms frame goes as one datagram (s16le, 8 kHz, 320 octets): ADDRESS:PORT, or a list of them."""

    shown_headers: tuple[str, ...] = checked(
        several(text(r"[A-Za-z0-9-]{1,64}", "a header's name")), default=DEFAULT_SHOWN_HEADERS
    )
    """Headers whose values events may show. Of all others events show the name only."""
    log_file: str | None = checked(optional(_PATH), default=None)
    """PJSIP's own log."""
    log_level: int = checked(integer(0, 3), default=1)
    """From level 4 on PJSIP writes digits, so these levels do not exist here."""

    def __post_init__(self) -> None:
        Checked.__post_init__(self)  # `super()` does not survive the class that slots=True makes anew
        if self.rtp_last - self.rtp_first < 3:
            raise FaultError("rtp_last: must be at least rtp_first + 3, two calls may overlap for a moment")
        if self.transport == "tls" and None in (self.tls_certificate, self.tls_key, self.tls_ca):
            raise FaultError("transport: tls needs tls_certificate, tls_key and tls_ca")

    @property
    def identity(self) -> str:
        return f"sip:{self.user}@{self.address}"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file; a relative `log_file` starts at its folder.

        Raises `OSError`, `tomllib.TOMLDecodeError` or `FaultError`.
        """
        with path.open("rb") as source:
            settings = cls.from_table(tomllib.load(source))
        if settings.log_file is None:
            return settings
        return dataclasses.replace(settings, log_file=str(path.parent / settings.log_file))

    def to_toml(self) -> str:
        """The same settings as TOML. JSON strings, numbers, booleans and lists are TOML as they stand."""
        table: dict[str, Any] = {name: getattr(self, name) for name in _NAMES}
        return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items() if value is not None)


_NAMES = tuple(field.name for field in dataclasses.fields(PhoneSettings))


def voice_path(name: str) -> Path:
    """The WAV behind the name of a voice, or the path itself. Raises `FileNotFoundError`."""
    path = Path(name) if "/" in name or name.endswith(".wav") else VOICES / f"{name}.wav"
    if not path.is_file():
        raise FileNotFoundError(f"no such voice: {path}")
    return path
