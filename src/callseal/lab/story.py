"""A paid call as the people in it do it: the customer dials and presses keys, the agent presses buttons.

Used by the demo, the end-to-end tests and the benches, so that they all mean the same by "a payment".
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from callseal.lab.agent_desk import AgentDesk, Call
from callseal.lab.phone import Method, Phone
from callseal.lab.world import World

DIALLED = "+442079460123"
KEY_MS = 80
GAP_MS = 60
ANSWER_S = 10.0
FIELDS = ("card_number", "expiry", "security_code")


@dataclass(frozen=True, slots=True)
class TestCard:
    """A public test card, as keys on a keypad (expiry MMYY). What it does is the PSP simulator's affair."""

    number: str
    expiry: str = "1230"
    security_code: str = "123"
    __test__ = False  # not a test class

    def keys(self, field: str) -> str:
        """The keys for one field."""
        return {"card_number": self.number, "expiry": self.expiry, "security_code": self.security_code}[field]

    @property
    def key_count(self) -> int:
        return sum(len(self.keys(field)) for field in FIELDS)

    def __repr__(self) -> str:
        return "TestCard(...)"


APPROVED = TestCard("4242424242424242")
DECLINED = TestCard("4000000000009995")
MISTYPED = TestCard("4242424242424241")


@dataclass(slots=True)
class PaidCall:
    """One live call and the hands on both ends of it. `press_method` is how the customer's keys travel."""

    world: World
    customer: Phone
    agent: Phone
    desk: AgentDesk
    reference: str = ""
    press_method: Method = "rfc4733"

    def dial(self, number: str = DIALLED) -> Call:
        """The customer calls in; returns when both talk and the card is ready."""
        before = frozenset(call["reference"] for call in self.desk.calls())
        self.customer.call(f"sip:{number}@{self.world.block.kamailio}")
        return self._up(self.customer, before)

    def dial_out(self, number: str = "+447700900123") -> Call:
        """The agent calls the customer, whose phone must answer by itself."""
        before = frozenset(call["reference"] for call in self.desk.calls())
        self.agent.call(
            f"sip:{number}@{self.world.block.kamailio}", from_uri=f"sip:{DIALLED}@{self.world.block.agent}"
        )
        return self._up(self.agent, before)

    def _up(self, caller: Phone, before: frozenset[str]) -> Call:
        caller.wait("answered", timeout=ANSWER_S)
        self.reference = str(self.desk.wait_call(not_in=before)["reference"])
        return self.desk.wait_state(self.reference, "ready")

    def secure(self) -> Call:
        """Press Secure; returns when the line is secured."""
        self.desk.press(self.reference, "secure")
        return self.desk.wait_state(self.reference, "secured")

    def ask(self, *fields: str) -> Call:
        """Ask for the card; returns when the first field waits for keys."""
        wanted = fields or FIELDS
        self.desk.press(self.reference, "capture", {"fields": list(wanted)})
        return self.wait_field(wanted[0], "active")

    def wait_field(self, name: str, *states: str) -> Call:
        """Wait for a field's state."""
        return self.desk.wait(
            self.reference,
            lambda call: any(field["name"] == name and field["state"] in states for field in call["fields"]),
            f"{name} {' or '.join(states)}",
        )

    def type(self, name: str, keys: str, *, until: str = "valid") -> Call:
        """The customer presses keys into the field that is active; returns when it is `until`."""
        self.wait_field(name, "active")
        self.customer.press(keys, self.press_method, duration_ms=KEY_MS, gap_ms=GAP_MS)
        return self.wait_field(name, until)

    def type_card(self, card: TestCard) -> Call:
        """All three fields; returns when the card is complete."""
        for name in FIELDS:
            self.type(name, card.keys(name))
        return self.desk.wait_state(self.reference, "captured")

    def charge(self, amount: int, currency: str = "GBP") -> Call:
        """Charge in minor units; returns with the result (approved, or secured again after a decline)."""
        self.desk.press(self.reference, "charge", {"amount": amount, "currency": currency})
        return self.desk.wait(
            self.reference,
            lambda call: call["result"] is not None and call["state"] != "authorising",
            "result",
        )

    def release(self) -> Call:
        """Bring the call home."""
        self.desk.press(self.reference, "release")
        return self.desk.wait_state(self.reference, "ready")

    def hang_up(self) -> Call:
        """The customer hangs up; returns when the desk knows."""
        self.customer.hangup()
        return self.ended()

    def ended(self) -> Call:
        """Wait until the desk says the call has ended, and both phones are free again."""
        call = self.desk.wait_state(self.reference, "ended")
        deadline = time.monotonic() + 3
        for phone in (self.customer, self.agent):
            phone.wait("ended", timeout=max(0.1, deadline - time.monotonic()))
        return call

    def pay(self, card: TestCard = APPROVED, amount: int = 4250) -> Call:
        """From ready to approved and home again; returns the call as it was when the result came."""
        self.secure()
        self.ask()
        self.type_card(card)
        result = self.charge(amount)
        self.release()
        return result
