"""The SIP of a capture: dialogs, what each side offered and answered, keys in bodies. Nothing is believed, everything is noted.

A *dialog* is what has one Call-ID, over all its hops. *Who* the hosts are is decided in `roles`, when a secured window was in `windows`.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from callseal.audit.body_keys import keys_in_body
from callseal.audit.findings import Digit
from callseal.audit.heard import Method
from callseal.audit.offers import audio_of, sdp_in
from callseal.wire.sip import SipMessage
from callseal.wire.srtp import Crypto

MOST_DIALOGS = 20_000
MOST_DESCRIPTIONS = 400
"""Of one dialog."""
MOST_KEYS_AT = 8
"""SDES keys that are remembered for one address, the newest; it had others before."""
MOST_RECENT_KEYS = 64
_PARAMETER = re.compile(r";(lg|rf|d|v)=([0-9A-Za-z]{1,64})(?=[;>,\s]|$)")
_USER = re.compile(r"sips?:([^@;>]+)@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Described:
    """One SDP that passed: `at` seconds, from host to host, in a request (`status` 0) or reply to CSeq `cseq` of `method`."""

    at: float
    source: str
    destination: str
    method: str
    status: int
    cseq: int
    addresses: tuple[tuple[str, int], ...]
    """Of audio, that are not refused."""
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Passed:
    """A message without its content."""

    at: float
    source: str
    destination: str
    method: str
    status: int
    cseq: int
    in_dialog: bool


@dataclass(frozen=True, slots=True)
class BodyDigit:
    """A key in a message of this hop."""

    source: str
    destination: str
    digit: Digit


@dataclass(slots=True)
class Dialog:
    """Everything with one Call-ID. `leg` is "customer", "agent" or "" and `reference` the call's, when a router of ours says so."""

    call_id: str
    begin: float
    end: float = 0.0
    ended: float | None = None
    answered: float | None = None
    leg: str = ""
    direction: str = ""
    reference: str = ""
    users: tuple[str, str] = ("", "")
    messages: list[Passed] = field(default_factory=list)
    descriptions: list[Described] = field(default_factory=list)
    digits: list[BodyDigit] = field(default_factory=list)

    @property
    def invites(self) -> Iterator[Passed]:
        return (one for one in self.messages if one.method == "INVITE" and one.status == 0)

    @property
    def begun(self) -> bool:
        """Whether the capture holds its beginning."""
        return any(not one.in_dialog for one in self.invites)


class Signalling:
    """All dialogs of a capture. `unreadable_keys` counts crypto lines that say nothing here, `dtls_offers` audio that is keyed by DTLS,
    `not_kept` messages beyond what is remembered.
    """

    def __init__(self) -> None:
        self.dialogs: dict[str, Dialog] = {}
        self.messages = self.unreadable_keys = self.dtls_offers = self.not_kept = 0
        self._keys_at: dict[tuple[str, int], tuple[Crypto, ...]] = {}
        self._recent_keys: deque[Crypto] = deque(maxlen=MOST_RECENT_KEYS)
        self._codecs: dict[tuple[str, int], dict[int, str]] = {}
        self._encrypted: dict[tuple[str, int], bool] = {}
        self._seen: dict[tuple[str, str, str, int, str, int], None] = {}

    def feed(self, at: float, source: str, destination: str, data: bytes) -> None:
        """One SIP message; anything else is left out."""
        try:
            message = SipMessage.parse(data)
        except ValueError:
            return
        call_id = message.call_id
        if not call_id or len(call_id) > 512 or message.method == "REGISTER":
            return
        self.messages += 1
        dialog = self.dialogs.get(call_id)
        if dialog is None:
            if message.method in ("OPTIONS", "PUBLISH", "SUBSCRIBE"):
                return
            if len(self.dialogs) >= MOST_DIALOGS:
                self.not_kept += 1
                return
            dialog = self.dialogs[call_id] = Dialog(call_id, at)
        dialog.end = max(dialog.end, at)
        self._routes(dialog, message)
        repeat = self._repeated(source, destination, call_id, message)
        if repeat:
            return
        if len(dialog.messages) < MOST_DESCRIPTIONS * 4:
            dialog.messages.append(
                Passed(
                    at,
                    source,
                    destination,
                    sys.intern(message.method),
                    message.status,
                    message.cseq,
                    message.in_dialog,
                )
            )
        if message.method == "BYE" or (message.method == "CANCEL" and dialog.answered is None):
            dialog.ended = dialog.ended if dialog.ended is not None else at
        if message.method == "INVITE" and 200 <= message.status < 300 and dialog.answered is None:
            dialog.answered = at
        if message.method == "INVITE" and not message.status and not dialog.users[0]:
            dialog.users = (_user(message.header("from")), _user(message.header("to")))
        if message.body:
            self._body(dialog, (at, source, destination), message)

    def codec_of(self, source: str, destination: str, payload_type: int) -> str:
        """Name of a codec as either end announced it, upper case; "" when nobody did."""
        for where in (destination, source):
            announced = self._codecs.get(_split(where))
            if announced and payload_type in announced:
                return announced[payload_type]
        return ""

    def announced(self, where: str) -> bool:
        """Whether an SDP said that media arrives at this `address:port`."""
        return _split(where) in self._codecs

    def encrypted(self, source: str, destination: str) -> bool | None:
        """Whether SDP says that this is SRTP; None when nobody announced it."""
        found = self._encrypted.get(_split(destination))
        return found if found is not None else self._encrypted.get(_split(source))

    def keys_at(self, source: str, destination: str) -> Sequence[Crypto]:
        """SDES keys that the ends of a stream named, the newest first: the sender's own (RFC 4568 section 5.1), then the other's."""
        own, other = self._keys_at.get(_split(source), ()), self._keys_at.get(_split(destination), ())
        return (*own, *other) if other else own

    def recent_keys(self) -> Sequence[Crypto]:
        """The newest keys of anybody, for ends that are behind another address than they say."""
        return tuple(reversed(self._recent_keys))

    # -- parts -------------------------------------------------------------------------------------------------

    def _repeated(self, source: str, destination: str, call_id: str, message: SipMessage) -> bool:
        """A retransmission, or the same message seen at a second place of the capture."""
        name = (source, destination, call_id, message.cseq, message.method, message.status)
        if name in self._seen and message.method != "ACK":
            return True
        self._seen[name] = None
        if len(self._seen) > 50_000:
            del self._seen[next(iter(self._seen))]
        return False

    @staticmethod
    def _routes(dialog: Dialog, message: SipMessage) -> None:
        """The leg and the call's reference, from Record-Route or Route of a router of ours."""
        if dialog.leg and dialog.reference:
            return
        for name in ("record-route", "route"):
            for value in message.all(name):
                found = dict(_PARAMETER.findall(value))
                if found.get("v") and found.get("lg", "")[:1] in ("c", "a"):
                    dialog.leg = "customer" if found["lg"] == "c" else "agent"
                    dialog.reference = found.get("rf", "")
                    dialog.direction = found.get("d", "")
                    return

    def _body(self, dialog: Dialog, hop: tuple[float, str, str], message: SipMessage) -> None:
        at, source, destination = hop
        kind = message.header("content-type")
        found = sdp_in(message.body)
        if found is not None:
            self._describe(dialog, hop, message, found)
        elif message.status == 0:
            for key in keys_in_body(kind, message.body):
                dialog.digits.append(BodyDigit(source, destination, Digit(at, Method.INFO, key)))

    def _describe(self, dialog: Dialog, hop: tuple[float, str, str], message: SipMessage, sdp: bytes) -> None:
        audio = list(audio_of(sdp))
        for one in audio:
            self._codecs.setdefault(one.where, {}).update(one.codecs)
            self._encrypted[one.where] = one.encrypted
            self.unreadable_keys += one.unreadable_keys
            self.dtls_offers += one.by_dtls
            known = self._keys_at.get(one.where, ())
            fresh = tuple(key for key in one.keys if key not in known)
            if fresh:
                self._keys_at[one.where] = (*fresh, *known)[:MOST_KEYS_AT]
                self._recent_keys.extend(fresh)
        if len(dialog.descriptions) >= MOST_DESCRIPTIONS:
            self.not_kept += 1
            return
        dialog.descriptions.append(
            Described(
                *hop,
                sys.intern(message.method),
                message.status,
                message.cseq,
                tuple(one.where for one in audio),
                any(one.encrypted for one in audio),
            )
        )


def _user(value: str) -> str:
    found = _USER.search(value)
    return found[1] if found else ""


def _split(where: str) -> tuple[str, int]:
    address, _, port = where.rpartition(":")
    return address.strip("[]"), int(port)
