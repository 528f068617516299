"""The calls of the demo: one that is paid, a mistyped field, a decline, and on hosts a partner that is gone."""

from __future__ import annotations

import time

from callseal.audit.ear import Ear
from callseal.lab.demo_screen import HeardCall, Screen
from callseal.lab.hosts import Hosts
from callseal.lab.story import APPROVED, DECLINED, FIELDS, MISTYPED, PaidCall
from callseal.lab.world import World

AMOUNT = 4250


class DemoCalls:
    """Plays them one after the other on a world, and tells the screen what happens."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def play(self, world: World) -> list[HeardCall]:
        """Play all of them; what the agent heard of each, in their order."""
        results = []
        screen = self._screen
        screen.stage("starting two phones: a customer on the carrier's side, an agent on the platform's")
        with (
            world.customer() as customer,
            world.agent() as agent,
            world.desk() as desk,
            world.ear() as ear,
            world.sip_tap(screen.heard),
        ):
            call = PaidCall(world, customer, agent, desk)
            screen.head()
            results.append(self._paid(call, ear))
            screen.gap()
            results.append(self._mistyped(call, ear))
            results.append(self._declined(call, ear))
            if isinstance(world.site, Hosts):
                results.append(self._partner_gone(world.site, call, ear))
        return results

    def _paid(self, call: PaidCall, ear: Ear) -> HeardCall:
        with self._screen.drawing():
            call.dial()
        self._screen.media("customer <-> edge <-> agent; the partner has signalling only")
        ear.mark("open")
        call.customer.press("5", duration_ms=80)
        time.sleep(0.3)
        control = ear.heard("open").keys
        self._screen.say("agent", f"a key pressed now is heard: {control} of 1. The agent presses Secure")
        ear.mark("press")
        pressed_at = time.monotonic()
        with self._screen.drawing():
            call.secure()
        took = time.monotonic() - pressed_at
        self._screen.media(f"customer <-> partner <-> agent, fenced; secured in {took * 1000:.0f} ms")
        call.ask()
        shown = []
        for name in FIELDS:
            state = call.type(name, APPROVED.keys(name))
            field = next(field for field in state["fields"] if field["name"] == name)
            shown.append(field["masked"] or "")
        self._screen.say("customer", "types the card; the agent sees " + "  ".join(shown))
        call.desk.wait_state(call.reference, "captured")
        result = call.charge(AMOUNT)["result"]
        self._screen.say(
            "agent",
            f"charges GBP {AMOUNT / 100:.2f}: {result['outcome']}, code {result['authorisation_code']}, {result['brand']} ending {result['last4']}",
        )
        with self._screen.drawing():
            call.release()
        self._screen.media("customer <-> edge <-> agent again")
        ear.mark("restored")
        with self._screen.drawing():
            call.hang_up()
        return self._window(ear, APPROVED.key_count, control)

    def _mistyped(self, call: PaidCall, ear: Ear) -> HeardCall:
        call.dial()
        ear.mark("press")
        call.secure()
        call.ask()
        state = call.type("card_number", MISTYPED.number, until="invalid")
        reason = next(field["reason"] for field in state["fields"] if field["name"] == "card_number")
        self._screen.stage(
            f"a mistyped field: the card says so at once (reason: {reason}); the partner asks again"
        )
        call.desk.press(call.reference, "reset", {"field": "card_number"})
        call.type_card(APPROVED)
        outcome = call.charge(1999)["result"]["outcome"]
        call.release()
        ear.mark("restored")
        call.hang_up()
        result = self._window(ear, len(MISTYPED.number) + APPROVED.key_count, 1)
        self._screen.stage(
            f"   typed again and {outcome}; agent heard {result.heard} of {result.pressed} digits"
        )
        return result

    def _declined(self, call: PaidCall, ear: Ear) -> HeardCall:
        call.dial()
        ear.mark("press")
        call.secure()
        call.ask()
        call.type_card(DECLINED)
        first = call.charge(AMOUNT)["result"]
        self._screen.stage(
            f"a decline: {first['reason'].replace('_', ' ')}; the line stays secure for another card"
        )
        call.ask()
        call.type_card(APPROVED)
        second = call.desk.press(call.reference, "charge", {"amount": AMOUNT, "currency": "GBP"})
        second = call.desk.wait_state(call.reference, "approved")
        call.release()
        ear.mark("restored")
        call.hang_up()
        result = self._window(ear, DECLINED.key_count + APPROVED.key_count, 1)
        self._screen.stage(
            f"   another card is {second['result']['outcome']}; agent heard {result.heard} of {result.pressed} digits"
        )
        return result

    def _partner_gone(self, hosts: Hosts, call: PaidCall, ear: Ear) -> HeardCall:
        self._screen.stage(
            "the first partner's host is unplugged, and a customer calls: the edge gets no answer"
        )
        hosts.unplug("partner")
        began = time.monotonic()
        call.dial()
        waited = time.monotonic() - began
        ear.mark("press")
        outcome = call.pay()["result"]["outcome"]
        ear.mark("restored")
        call.hang_up()
        hosts.plug_in("partner")
        result = self._window(ear, APPROVED.key_count, 1)
        self._screen.stage(
            f"   the second partner has it after {waited:.1f} s, {outcome}; agent heard {result.heard} of {result.pressed} digits"
        )
        return result

    def _window(self, ear: Ear, pressed: int, control: int) -> HeardCall:
        heard = ear.heard("press", "restored")
        return HeardCall(heard.keys, pressed, listened=heard.listened and control == 1)
