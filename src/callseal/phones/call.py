"""One call as PJSIP shows it: its callbacks become events."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import pjsua2 as pj

from callseal.phones.headers import shown_headers
from callseal.phones.offer import with_event_payload_type

_METHODS = {pj.PJSUA_DTMF_METHOD_RFC2833: "rfc4733", pj.PJSUA_DTMF_METHOD_SIP_INFO: "info"}
_DIRECTIONS = {
    pj.PJMEDIA_DIR_NONE: "inactive",
    pj.PJMEDIA_DIR_ENCODING: "sendonly",
    pj.PJMEDIA_DIR_DECODING: "recvonly",
    pj.PJMEDIA_DIR_ENCODING_DECODING: "sendrecv",
}


class Listener(Protocol):
    """What a call tells its line. Called on the main thread, inside PJSIP: note it and return."""

    def emit(self, event: str, **details: object) -> None: ...
    def media_ready(self, call: PhoneCall) -> None: ...
    def call_ended(self, call: PhoneCall) -> None: ...
    def answer_reinvite_with(self) -> int | None: ...
    def later(self, action: Callable[[], None]) -> None: ...


class PhoneCall(pj.Call):  # type: ignore[misc]  # PJSIP has no types
    """Keep a reference until `call_ended`, then drop it before the next call: PJSIP reuses call numbers, and the
    destructor of a forgotten object hangs up whatever call has its number by then (pjproject#3856)."""

    def __init__(
        self,
        account: Any,
        listener: Listener,
        *,
        shown: Iterable[str],
        event_payload_type: int,
        call_id: int = pj.PJSUA_INVALID_ID,
    ) -> None:
        super().__init__(account, call_id)
        self._listener = listener
        self._shown = tuple(shown)
        self._event_payload_type = event_payload_type
        self._media: dict[str, object] | None = None
        self._received: dict[str, int] = {}
        self._last_event: tuple[str, int] | None = None
        self._quality: dict[str, object] = {}
        self._first_invite_is_ours = call_id == pj.PJSUA_INVALID_ID
        self.hung_up_here = False
        self.refused_as_busy = False

    # PJSIP's callbacks, PJSIP's names.

    def onCallState(self, prm: Any) -> None:  # noqa: N802
        if self.refused_as_busy:
            if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
                self._listener.call_ended(self)
            return
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
            self._listener.emit("ringing", code=info.lastStatusCode, headers=self._headers(prm))
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            headers = self._headers(prm) if info.role == pj.PJSIP_ROLE_UAC else {}
            self._listener.emit("answered", code=200, call_id=info.callIdString, headers=headers)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._listener.emit(
                "ended",
                code=info.lastStatusCode,
                reason=info.lastReason,
                by="local" if self.hung_up_here else "remote",
                call_id=info.callIdString,
                duration_ms=info.connectDuration.sec * 1000 + info.connectDuration.msec,
                **self._quality,
            )
            self._listener.call_ended(self)

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802, ARG002
        self._listener.media_ready(self)
        media = self._describe_media()
        if media is not None and media != self._media:
            self._media = media
            self._listener.emit("media", **media)

    def onCallRxReinvite(self, prm: Any) -> None:  # noqa: N802
        code = self._listener.answer_reinvite_with()
        self._listener.emit("reinvite", by="remote", code=200 if code is None else code)
        if code is None:
            return
        if code == pj.PJSIP_SC_NOT_ACCEPTABLE_HERE:
            prm.statusCode = code  # the one refusal PJSIP sends by itself
            return
        prm.isAsync = True
        if code:
            self._listener.later(lambda: self._refuse(code))

    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        """How our own INFO and re-INVITE requests ended."""
        change = prm.e.body.tsxState
        tsx = change.tsx
        if tsx.role != pj.PJSIP_ROLE_UAC or tsx.state != pj.PJSIP_TSX_STATE_COMPLETED:
            # A 2xx to an INVITE ends its transaction at once (RFC 3261 section 17.1.1.2).
            ended_at_once = tsx.method == "INVITE" and tsx.state == pj.PJSIP_TSX_STATE_TERMINATED
            if tsx.role != pj.PJSIP_ROLE_UAC or not ended_at_once or change.prevState not in _UNANSWERED:
                return
        if tsx.method == "INFO":
            self._listener.emit("info", code=tsx.statusCode)
        elif tsx.method == "INVITE":
            if self._first_invite_is_ours:
                self._first_invite_is_ours = False
            else:
                self._listener.emit("reinvite", by="local", code=tsx.statusCode)

    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802
        """Our own offers name the configured telephone-event payload type; answers keep the offerer's."""
        if not prm.remSdp.wholeSdp:
            prm.sdp.wholeSdp = with_event_payload_type(prm.sdp.wholeSdp, self._event_payload_type)

    def onDtmfEvent(self, prm: Any) -> None:  # noqa: N802
        """Counts distinct events. The digit is looked at by nobody."""
        method = _METHODS.get(prm.method, "unknown")
        if method == "rfc4733":
            # Packets of one event share its RTP timestamp (RFC 4733 section 2.1); "22" is two timestamps.
            event = (method, prm.timestamp)
            if event == self._last_event:
                return
            self._last_event = event
        self._received[method] = self._received.get(method, 0) + 1
        self._listener.emit("dtmf", method=method, count=self._received[method])

    def onStreamDestroyed(self, prm: Any) -> None:  # noqa: N802, ARG002
        with contextlib.suppress(pj.Error):
            self._quality = self.quality()

    # Ours.

    def answer_with(self, code: int) -> None:
        """A response to the INVITE: 180, 200, or a refusal."""
        options = call_options()
        options.statusCode = code
        self.answer(options)

    def hang_up(self, code: int) -> None:
        """CANCEL or BYE, whichever fits; `code` refuses a call that is still ringing here."""
        self.hung_up_here = True
        options = pj.CallOpParam()
        info = self.getInfo()
        if info.role == pj.PJSIP_ROLE_UAS and info.state != pj.PJSIP_INV_STATE_CONFIRMED:
            options.statusCode = code
        self.hangup(options)

    def quality(self) -> dict[str, object]:
        """RTCP's view of the current stream. Raises `pj.Error` when there is none."""
        rtcp = self.getStreamStat(0).rtcp
        source = self.getMedTransportInfo(0).srcRtpName
        return {
            "received_packets": rtcp.rxStat.pkt,
            "received_octets": rtcp.rxStat.bytes,
            "lost_packets": rtcp.rxStat.loss,
            "discarded_packets": rtcp.rxStat.discard,
            "jitter_ms": round(rtcp.rxStat.jitterUsec.mean / 1000, 2),
            "sent_packets": rtcp.txStat.pkt,
            "source": source or None,
        }

    def _refuse(self, code: int) -> None:
        answer = pj.CallOpParam()
        answer.statusCode = code
        self.answer(answer)

    def _headers(self, prm: Any) -> dict[str, str | None]:
        source = prm.e.body.tsxState
        if source.type != pj.PJSIP_EVENT_RX_MSG:
            return {}
        return shown_headers(source.src.rdata.wholeMsg, self._shown)

    def _describe_media(self) -> dict[str, object] | None:
        try:
            stream = self.getStreamInfo(0)
            transport = self.getMedTransportInfo(0)
        except pj.Error:
            return None
        return {
            "local": transport.localRtpName,
            "remote": stream.remoteRtpAddress,
            "codec": stream.codecName,
            "dtmf_payload_type": stream.audTxEventPt,
            "direction": _DIRECTIONS.get(stream.dir, "unknown"),
        }


_UNANSWERED = (pj.PJSIP_TSX_STATE_CALLING, pj.PJSIP_TSX_STATE_PROCEEDING)


def call_options() -> Any:
    """One stream of audio, no video."""
    options = pj.CallOpParam(True)
    options.opt.audioCount = 1
    options.opt.videoCount = 0
    return options
