"""One phone line: takes commands, keeps at most one call, reports events."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pjsua2 as pj

from callseal.phones import commands as cmd
from callseal.phones.call import PhoneCall, call_options
from callseal.phones.endpoint import Account, account_config, close_endpoint, open_endpoint, open_transport
from callseal.phones.feed import Feed
from callseal.phones.headers import shown_headers
from callseal.phones.pressing import Presser
from callseal.phones.settings import PhoneSettings, voice_path
from callseal.phones.sound import Ear, Mouth

Emit = Callable[[str, dict[str, object]], None]
POLL_MS = 20
_GOODBYE_S = 1.0


class StartError(Exception):
    """PJSIP could not start: address in use, or a voice that is not there."""


class NoCallError(Exception):
    """The command needs a call, and there is none."""


class Line:
    """Everything runs on the thread that calls `poll()`; only received frames leave from PJSIP's clock thread."""

    def __init__(
        self, settings: PhoneSettings, emit: Emit, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._clock = clock
        self._call: PhoneCall | None = None
        self._over: list[PhoneCall] = []
        self._turned_away: list[PhoneCall] = []
        self._to_refuse: list[PhoneCall] = []
        self._refusing: list[int] = []
        self._soon: list[tuple[float, Callable[[], None]]] = []
        self._presser = Presser(send=self._send_key, done=self._keys_done)
        self._feed: Feed | None = None
        self._ear: Ear | None = None

        self._endpoint = open_endpoint(settings)
        try:
            transport = open_transport(self._endpoint, settings)
            self._endpoint.libStart()
            self._account: Account | None = Account(self._incoming)
            self._account.create(account_config(settings, transport))
            self._mouth: Mouth | None = Mouth(
                tone_level_dbm0=settings.tone_level_dbm0, speech_while_pressing=settings.speech_while_pressing
            )
            if settings.say is not None:
                self._mouth.say(voice_path(settings.say))
            if settings.audio_feed:
                self._feed = Feed(settings.address, settings.audio_feed)
                self._ear = Ear(self._feed.deliver)
        except (pj.Error, OSError) as error:
            self._account = self._mouth = self._ear = None
            close_endpoint(self._endpoint)
            raise StartError(error.reason if isinstance(error, pj.Error) else str(error)) from None

    # The main loop.

    def poll(self) -> None:
        """Let PJSIP work for at most 20 ms, then do what is due."""
        self._endpoint.libHandleEvents(POLL_MS)
        refused, self._to_refuse = self._to_refuse, []
        for call in refused:
            self._try("line", partial(call.answer_with, pj.PJSIP_SC_BUSY_HERE))
        now = self._clock()
        due = [action for at, action in self._soon if at <= now]
        self._soon = [(at, action) for at, action in self._soon if at > now]
        for action in due:
            self._try("line", action)
        if self._presser.busy:
            self._try("press", lambda: self._presser.tick(now))
        self._over.clear()  # their destructors run here, outside PJSIP's callbacks and before the next call

    def handle(self, command: cmd.Command) -> None:
        """Do one command; what PJSIP or the state forbids becomes an `error` event."""
        if self._try(command.do, lambda: self._do(command), command.id):
            self.emit("done", command=command.do, id=command.id)

    def close(self) -> None:
        """Hang up, wait for the far end's answer at most a second, and take the library down."""
        if self._call is not None:
            self._try("quit", lambda: self._the_call().hang_up(603))
        deadline = self._clock() + _GOODBYE_S
        while self._call is not None and self._clock() < deadline:
            self.poll()
        self._soon.clear()
        self._over.clear()
        self._turned_away.clear()
        self._to_refuse.clear()
        self._call = None
        self._ear = None
        self._mouth = None
        if self._account is not None:
            self._account.shutdown()
        self._account = None
        close_endpoint(self._endpoint)
        if self._feed is not None:
            self._feed.close()

    # What calls tell us (`callseal.phones.call.Listener`).

    def emit(self, event: str, **details: object) -> None:
        self._emit(event, details)

    def media_ready(self, call: PhoneCall) -> None:
        try:
            media = call.getAudioMedia(-1)
        except pj.Error:
            return
        if self._mouth is not None:
            self._mouth.attach(media)
        if self._ear is not None:
            media.startTransmit(self._ear)

    def call_ended(self, call: PhoneCall) -> None:
        self._over.append(call)
        if call in self._turned_away:
            self._turned_away.remove(call)
        if call in self._to_refuse:
            self._to_refuse.remove(call)
        if call is self._call:
            self._call = None
            self._presser.clear()
            self._soon.clear()
            self._refusing.clear()
            if self._mouth is not None:
                self._mouth.detach()

    def answer_reinvite_with(self) -> int | None:
        return self._refusing.pop(0) if self._refusing else None

    def later(self, action: Callable[[], None], delay_ms: int = 0) -> None:
        self._soon.append((self._clock() + delay_ms / 1000, action))

    # Commands.

    def _do(self, command: cmd.Command) -> None:
        match command:
            case cmd.Call():
                self._dial(command)
            case cmd.Answer():
                self._the_call().answer_with(command.code)
            case cmd.Hangup():
                self._the_call().hang_up(command.code)
            case cmd.Press():
                self._the_call()
                self._presser.press(command, self._clock())
            case cmd.Say():
                self._the_mouth().say(voice_path(command.wav))
            case cmd.Mute():
                self._the_mouth().mute()
            case cmd.Hold():
                self._the_call().setHold(pj.CallOpParam(True))
            case cmd.Unhold():
                self._reinvite(pj.PJSUA_CALL_UNHOLD)
            case cmd.Reinvite():
                self._reinvite(pj.PJSUA_CALL_NO_SDP_OFFER if command.late_offer else 0)
            case cmd.RefuseReinvite():
                self._refusing = [command.code] * command.times
            case cmd.Stats():
                self.emit("stats", **self._the_call().quality())
            case cmd.Quit():
                pass  # the process's business

    def _dial(self, command: cmd.Call) -> None:
        if self._call is not None:
            raise NoCallError("there is a call already")
        options = call_options()
        for name, value in command.headers.items():
            header = pj.SipHeader()
            header.hName = name
            header.hValue = value
            options.txOption.headers.append(header)
        if command.from_uri is not None:
            options.txOption.localUri = command.from_uri
        if command.late_offer:
            options.opt.flag |= pj.PJSUA_CALL_NO_SDP_OFFER
        call = self._new_call()
        self._call = call
        try:
            call.makeCall(command.to, options)
        except pj.Error:
            self._call = None
            raise

    def _incoming(self, prm: Any) -> None:
        call = self._new_call(prm.callId)
        if self._call is not None:
            call.refused_as_busy = True
            self._turned_away.append(call)  # PJSIP needs the object until the 486 is acknowledged
            # Not here: a call without an offer is over at once, and PJSIP, still in the middle of announcing it, frees it twice.
            self._to_refuse.append(call)
            return
        self._call = call
        info = call.getInfo()
        self.emit(
            "incoming",
            remote=info.remoteUri,
            call_id=info.callIdString,
            offer=info.remOfferer,
            headers=shown_headers(prm.rdata.wholeMsg, self._settings.shown_headers),
        )
        if not self._settings.auto_answer:
            call.answer_with(pj.PJSIP_SC_RINGING)
        else:
            if self._settings.ring_ms:
                call.answer_with(pj.PJSIP_SC_RINGING)
            self.later(lambda: call.answer_with(pj.PJSIP_SC_OK), self._settings.ring_ms)

    def _new_call(self, call_id: int = pj.PJSUA_INVALID_ID) -> PhoneCall:
        return PhoneCall(
            self._account,
            self,
            shown=self._settings.shown_headers,
            event_payload_type=self._settings.dtmf_payload_type,
            call_id=call_id,
        )

    def _reinvite(self, flag: int) -> None:
        options = call_options()
        options.opt.flag |= flag
        self._the_call().reinvite(options)

    def _send_key(self, digit: str, method: cmd.Method, duration_ms: int, gap_ms: int) -> None:
        if method == "inband":
            self._the_mouth().tone(digit, duration_ms, gap_ms)
            return
        key = pj.CallSendDtmfParam()
        key.method = pj.PJSUA_DTMF_METHOD_RFC2833 if method == "rfc4733" else pj.PJSUA_DTMF_METHOD_SIP_INFO
        key.duration = duration_ms
        key.digits = digit
        self._the_call().sendDtmf(key)

    def _keys_done(self, method: cmd.Method, count: int) -> None:
        if method == "inband":
            self._the_mouth().pressed()
        self.emit("pressed", method=method, count=count)

    def _try(self, what: str, action: Callable[[], None], number: int | None = None) -> bool:
        try:
            action()
        except pj.Error as error:
            reason = error.reason
        except (NoCallError, FileNotFoundError) as error:
            reason = str(error)
        else:
            return True
        self.emit("error", command=what, id=number, reason=reason)
        return False

    def _the_call(self) -> PhoneCall:
        if self._call is None:
            raise NoCallError("there is no call")
        return self._call

    def _the_mouth(self) -> Mouth:
        if self._mouth is None:
            raise NoCallError("the phone is closing")
        return self._mouth
