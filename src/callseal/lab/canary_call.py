"""One synthetic paid call through a live edge: two SIP phones, an agent's login at the desk, an ear beside the agent's phone.

The card is a public test card, typed while the line is secured and never charged. The ear decodes in memory; nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from callseal.audit.ear import Ear
from callseal.audit.ear_listener import listen
from callseal.lab.agent_desk import AgentDesk, Call, DeskError
from callseal.lab.phone import Method, Phone, PhoneError, PhoneSettings, phone_command
from callseal.lab.story import APPROVED, FIELDS, GAP_MS, KEY_MS
from callseal.observe.errors import Error
from callseal.operate.canary import CanaryError, Seen

ANSWER_S = 20.0
CALL_S = 8.0
LATE_S = 0.4
"""What is delayed on its way to the agent's phone counts too."""
SELF_TEST_KEY = "5"


@dataclass(frozen=True, slots=True)
class Line:
    """Where the call goes. `customer`, `agent`: settings of the phones (TOML, `PhoneSettings`); `edge`: host of the edge that the
    customer's phone dials; `interface`: where the agent's phone's packets arrive."""

    customer: Path
    agent: Path
    number: str
    edge: str
    desk: str
    login: str
    password: str = field(repr=False)
    method: Method = "rfc4733"
    interface: str = "lo"

    def check(self) -> None:
        """Raises `CanaryError` for settings with which the canary would prove nothing."""
        try:
            PhoneSettings.read(self.customer)
            agent = PhoneSettings.read(self.agent)
        except (OSError, ValueError) as error:
            raise CanaryError(f"the settings of a phone cannot be read: {error}") from None
        if agent.rtp != "clear":
            raise CanaryError(
                "the agent's phone speaks SRTP: the ear beside it would be deaf",
                advice='Give the canary a platform line of its own with `rtp = "clear"`.',
            )
        if not agent.auto_answer:
            raise CanaryError("the agent's phone does not answer", advice="Set `auto_answer = true`.")


def place(line: Line, *, clock: Callable[[], float] = time.monotonic) -> Seen:
    """Place the call and tell what it showed; never raises for what a live system does. Needs root, for the ear."""
    seen = _Notes()
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="callseal-canary-")))
            customer = stack.enter_context(_phone(line.customer, folder))
            agent = stack.enter_context(_phone(line.agent, folder))
            ear = stack.enter_context(listen(agent.settings.address, interface=line.interface))
            desk = stack.enter_context(AgentDesk(line.desk, line.login, line.password))
            _Canary(line, customer, desk, ear, seen, clock).talk()
    except httpx2.HTTPError as error:
        seen.problem = f"the desk on {line.desk}: {str(error) or type(error).__name__}"
    except (Error, PhoneError) as error:
        seen.problem = str(error) or type(error).__name__
    return Seen(seen.digits, seen.tested, seen.missed, seen.secured_ms, seen.problem, seen.off)


@dataclass(slots=True)
class _Notes:
    digits: int = 0
    tested: int = 0
    missed: int = 0
    secured_ms: int | None = None
    problem: str = ""
    off: str = ""


def _phone(config: Path, folder: Path) -> Phone:
    return Phone(config, log=folder / f"{config.stem}.log", command=phone_command(config.parent))


@dataclass(slots=True)
class _Canary:
    line: Line
    customer: Phone
    desk: AgentDesk
    ear: Ear
    seen: _Notes
    clock: Callable[[], float]

    def talk(self) -> None:
        before = frozenset(call["reference"] for call in self.desk.calls())
        self.customer.call(f"sip:{self.line.number}@{self.line.edge}")
        try:
            self.customer.wait("answered", timeout=ANSWER_S)
            reference = self._my_call(before)
            call = self.desk.wait_state(reference, "ready")
            if not call["payments"]["allowed"]:
                self.seen.off = str(call["payments"]["reason"])
                return
            self._self_test()
            self._pay(reference)
            self._self_test()
        finally:
            with suppress(PhoneError):
                self.customer.hangup()
                self.customer.wait("ended", timeout=3.0)

    def _my_call(self, before: frozenset[str]) -> str:
        """The new call of our own number: on a live desk others begin too."""
        deadline = self.clock() + CALL_S
        while True:
            for call in self.desk.calls():
                if call["reference"] not in before and call["caller"] == self.customer.settings.user:
                    return str(call["reference"])
            if self.clock() > deadline:
                raise DeskError(0, f"no call of {self.customer.settings.user} reached the desk")
            time.sleep(0.05)

    def _self_test(self) -> None:
        self.ear.mark("open")
        self._press(SELF_TEST_KEY)
        time.sleep(LATE_S)
        self.ear.mark("open ends")
        self.seen.tested += self.ear.heard("open", "open ends").equals(SELF_TEST_KEY)

    def _pay(self, reference: str) -> None:
        """From the press of Secure until home; whatever happens in between, what the ear heard is noted."""
        self.ear.mark("pressed")
        try:
            pressed = self.clock()
            self.desk.press(reference, "secure")
            self.desk.wait_state(reference, "secured")
            self.seen.secured_ms = round((self.clock() - pressed) * 1000)
            self.desk.press(reference, "capture", {"fields": list(FIELDS)})
            for name in FIELDS:
                self._type(reference, name)
            time.sleep(LATE_S)
            self.desk.press(reference, "cancel")
            self.desk.wait_state(reference, "ready")
        finally:
            self.ear.mark("home")
            heard = self.ear.heard("pressed", "home")
            self.seen.digits = heard.keys
            self.seen.missed = heard.missed + heard.deaf

    def _type(self, reference: str, name: str) -> None:
        self._field(reference, name, "active")
        self._press(APPROVED.keys(name))
        self._field(reference, name, "valid")

    def _field(self, reference: str, name: str, state: str) -> Call:
        return self.desk.wait(
            reference,
            lambda call: any(row["name"] == name and row["state"] == state for row in call["fields"]),
            f"{name} {state}",
        )

    def _press(self, keys: str) -> None:
        self.customer.press(keys, self.line.method, duration_ms=KEY_MS, gap_ms=GAP_MS)
