"""Order, retries, what is given up, and that a charge is sent once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from callseal.desk import command_rules as module
from callseal.desk.command_rules import LANES, PATIENCE, Patience, keep_after_restart
from callseal.desk.dispatcher import Dispatcher
from callseal.desk.metrics import Metrics
from callseal.desk.partners import Partners
from callseal.payments import commands as cmd
from callseal.payments import events as ev
from callseal.payments.money import Money
from callseal.payments.names import Do, FieldName, Place
from callseal.payments.ports import MediaReport, Pending, Refused, Unreachable

pytestmark = pytest.mark.unit

LOST = Unreachable("ReadTimeout", sent=True)
NOT_SENT = Unreachable("ConnectError", sent=False)
LEG: dict[str, Any] = {"reference": "r", "edge": "e", "node": "n", "call_id": "c"}
HOLD = cmd.Hold(key="hold", ttl_ms=10, **LEG)
UNHOLD = cmd.Unhold(key="unhold", **LEG)
SECURE = cmd.PartnerSecure(reference="r", key="secure", give_up_at=2**60)
CAPTURE = cmd.PartnerCapture(reference="r", key="capture", fields=(FieldName.EXPIRY,), stored_card=None)
RESET = cmd.PartnerReset(reference="r", key="reset", field=None)
CANCEL = cmd.PartnerCancelCapture(reference="r", key="cancel")
CHARGE = cmd.PartnerCharge(reference="r", key="r.charge.1", amount=Money(1, "GBP"))
ASK = cmd.QueryCharge(reference="r", key="ask", charge="r.charge.1")
RELEASE = cmd.PartnerRelease(reference="r", key="release")
MEDIA = cmd.QueryMedia(
    reference="r", key="media", edge="e", node="n", customer_call_id="c", agent_call_id="a"
)
ANNOTATE = cmd.Annotate(reference="r", key="annotate", state="ready", text="x")
PAUSE = cmd.PauseRecording(reference="r", key="pause")
RESUME = cmd.ResumeRecording(reference="r", key="resume")
EACH: tuple[cmd.Command, ...] = (
    HOLD,
    UNHOLD,
    SECURE,
    CAPTURE,
    RESET,
    CANCEL,
    CHARGE,
    ASK,
    RELEASE,
    MEDIA,
    ANNOTATE,
    PAUSE,
    RESUME,
)


class World:
    """Ports, store and desk in one; answers are scripted per verb, the last one repeats."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.script: dict[str, list[Any]] = {}
        self.events: list[ev.Happening] = []
        self.dropped: list[int] = []
        self.attempted: list[int] = []
        self.metrics = Metrics()
        self.store = self
        self.known_token: str | None = "tok"
        self.gates: dict[str, asyncio.Event] = {}
        self.now = 0

    def now_ms(self) -> int:
        self.now += 1
        return self.now

    async def on_disk(self) -> None:
        return

    def apply(self, reference: str, event: ev.Happening, *, source: str, done: int | None = None) -> None:
        self.events.append(event)
        assert done is not None
        self.dropped.append(done)

    def drop_pending(self, pending: int) -> None:
        self.dropped.append(pending)

    def mark_attempted(self, pending: int, now: int) -> None:
        assert "charge" not in self.called, "marked before it is sent"
        self.attempted.append(pending)

    def load(self, reference: str) -> None:
        return None

    def token(self, reference: str) -> str | None:
        return self.known_token

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        async def answer(*_args: Any, **_more: Any) -> Any:
            self.called.append(verb)
            if verb in self.gates:
                await self.gates[verb].wait()
            answers = self.script.get(verb, [None])
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(found, Exception):
                raise found
            return found

        return answer


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same policies with short pauses: the clock of these tests ticks once per look."""
    for do, patience in PATIENCE.items():
        if patience.for_ms:
            monkeypatch.setitem(module.PATIENCE, do, Patience(40, first_ms=1, most_ms=2))


def run(world: World, *commands: cmd.Command, then: Callable[[Dispatcher], None] | None = None) -> World:
    async def go() -> None:
        dispatcher = Dispatcher(world, edges=world, partners=Partners.alone(world), platform=world)  # type: ignore[arg-type]
        dispatcher.submit([Pending(number, command, None) for number, command in enumerate(commands)])
        if then:
            await asyncio.sleep(0.01)
            then(dispatcher)
        async with asyncio.timeout(5):
            while dispatcher._tasks:  # noqa: ASYNC110 - tasks start others
                await asyncio.sleep(0.001)

    asyncio.run(go())
    return world


def scripted(**script: list[Any]) -> World:
    world = World()
    world.script = script
    return world


@pytest.mark.parametrize("command", EACH, ids=lambda command: command.do)
def test_each_command_reaches_its_port_and_leaves_the_outbox(command: cmd.Command) -> None:
    report = MediaReport(Place.HOME, Place.HOME, fenced=False, anchored=True)
    world = run(scripted(hold=[77], media=[report], ask_charge=[ev.ChargePending("r.charge.1")]), command)
    assert len(world.called) == 1
    assert world.dropped == [0]


def test_every_command_has_a_lane_and_a_patience() -> None:
    in_store = {Do.NOTIFY, Do.FORGET_TOKEN}
    assert set(LANES) == set(PATIENCE) == set(Do) - in_store


def test_what_nobody_waits_for_begins_once_in_a_turn() -> None:
    """And what somebody waits for does not stand behind it."""
    told: list[cmd.Command] = [
        cmd.Annotate(reference=f"r{number}", key="k", state="ready", text="x") for number in range(5)
    ]
    world = scripted(hold=[77])
    turns: list[int] = []

    async def go() -> None:
        dispatcher = Dispatcher(world, edges=world, partners=Partners.alone(world), platform=world)  # type: ignore[arg-type]
        dispatcher.submit([Pending(number, command, None) for number, command in enumerate([*told, HOLD])])
        async with asyncio.timeout(5):
            while dispatcher._tasks:
                turns.append(len(world.called))
                await asyncio.sleep(0)

    asyncio.run(go())
    assert sorted(world.called) == ["annotate"] * 5 + ["hold"]
    assert world.called[0] == "hold"
    assert max(after - before for before, after in itertools.pairwise(turns)) == 1


def test_confirmations_come_back_as_events() -> None:
    report = MediaReport(Place.PARTNER, Place.HOME, fenced=True, anchored=True)
    world = run(scripted(hold=[77], media=[report]), HOLD, MEDIA, ANNOTATE)
    assert ev.HoldConfirmed(77) in world.events
    assert ev.Annotated() in world.events
    (seen,) = [event for event in world.events if isinstance(event, ev.MediaSeen)]
    assert (seen.customer, seen.agent, seen.fenced) == (Place.PARTNER, Place.HOME, True)


def test_one_lane_keeps_its_order_and_tries_again() -> None:
    world = run(scripted(secure=[LOST, LOST, None]), SECURE, CAPTURE)
    assert world.called == ["secure", "secure", "secure", "capture"]
    assert world.events == []


@pytest.mark.parametrize(
    ("command", "verb", "event"),
    [
        (HOLD, "hold", ev.HoldFailed("no")),
        (MEDIA, "media", ev.EdgeLost("no")),
        (SECURE, "secure", ev.SecureRefused("no")),
        (CAPTURE, "capture", ev.CaptureRefused("no")),
        (RESET, "reset", ev.ResetRefused("no")),
        (RELEASE, "release", ev.ReleaseRefused("no")),
        (CHARGE, "charge", ev.ChargeRefused("r.charge.1", "no")),
        (ANNOTATE, "annotate", ev.AnnotateFailed("no")),
        (PAUSE, "pause_recording", ev.RecordingUnconfirmed("no")),
        (UNHOLD, "unhold", None),
        (CANCEL, "cancel_capture", None),
        (RESUME, "resume_recording", None),
        (ASK, "ask_charge", None),
    ],
)
def test_refused_is_not_tried_again(command: cmd.Command, verb: str, event: ev.Happening | None) -> None:
    world = run(scripted(**{verb: [Refused(409, "no")]}), command)
    assert world.called == [verb]
    assert world.events == ([event] if event else [])


@pytest.mark.parametrize(
    ("command", "verb", "problem", "event"),
    [
        (HOLD, "hold", LOST, ev.HoldFailed("ReadTimeout")),
        (MEDIA, "media", LOST, ev.EdgeLost("ReadTimeout")),
        (SECURE, "secure", NOT_SENT, ev.SecureNotSent("ConnectError")),
        (SECURE, "secure", LOST, None),
        (CAPTURE, "capture", LOST, ev.CaptureRefused("ReadTimeout")),
        (RELEASE, "release", LOST, None),
        (ANNOTATE, "annotate", NOT_SENT, ev.AnnotateFailed("ConnectError")),
        (UNHOLD, "unhold", LOST, None),
    ],
)
def test_silence_is_given_up_after_several_tries(
    command: cmd.Command, verb: str, problem: Exception, event: ev.Happening | None
) -> None:
    world = run(scripted(**{verb: [problem]}), command)
    assert len(world.called) > 2
    assert world.events == ([event] if event else [])
    assert world.dropped == [0]


def test_one_lost_request_makes_the_rest_unclear() -> None:
    world = run(scripted(secure=[LOST, NOT_SENT]), SECURE)
    assert world.events == [], "it may have arrived: the deadline decides, not SecureNotSent"


@pytest.mark.parametrize(
    ("problem", "event"),
    [
        (LOST, ev.ChargeUnclear("r.charge.1", "ReadTimeout")),
        (NOT_SENT, ev.ChargeRefused("r.charge.1", "not_sent")),
        (Refused(409, "idempotency_conflict"), ev.ChargeUnclear("r.charge.1", "idempotency_conflict")),
        (Refused(409, "wrong_state"), ev.ChargeRefused("r.charge.1", "wrong_state")),
    ],
)
def test_a_charge_is_sent_once_whatever_happens(problem: Exception, event: ev.Happening) -> None:
    world = run(scripted(charge=[problem]), CHARGE)
    assert world.called == ["charge"]
    assert world.attempted == [0]
    assert world.events == [event]


def test_without_a_token_nothing_is_sent() -> None:
    world = World()
    world.known_token = None
    run(world, CHARGE, SECURE)
    assert world.called == []
    assert world.attempted == []
    assert world.events == [ev.ChargeRefused("r.charge.1", "not_sent"), ev.SecureNotSent("not_sent")]


def test_a_later_command_takes_the_place_of_one_that_waits() -> None:
    world = scripted(secure=[LOST])
    world.gates["secure"] = asyncio.Event()

    def later(dispatcher: Dispatcher) -> None:
        dispatcher.supersede("r", [RELEASE])
        dispatcher.submit([Pending(9, RELEASE, None)])
        world.gates["secure"].set()

    run(world, SECURE, CAPTURE, then=later)
    assert world.called == ["secure", "release"], "the capture was never sent, the secure not again"
    assert sorted(world.dropped) == [0, 1, 9]


def test_other_calls_are_not_superseded() -> None:
    world = scripted()
    world.gates["secure"] = asyncio.Event()

    def later(dispatcher: Dispatcher) -> None:
        dispatcher.supersede("another", [RELEASE])
        world.gates["secure"].set()

    run(world, SECURE, CAPTURE, then=later)
    assert world.called == ["secure", "capture"]


def test_lanes_do_not_wait_for_each_other() -> None:
    world = World()
    world.gates["annotate"] = asyncio.Event()
    run(world, ANNOTATE, HOLD, SECURE, then=lambda _: world.gates["annotate"].set())
    assert set(world.called) == {"annotate", "hold", "secure"}
    assert ev.Annotated() == world.events[-1]


def test_a_fault_in_an_adapter_does_not_stop_the_lane() -> None:
    world = run(scripted(secure=[RuntimeError("bug")]), SECURE, CAPTURE)
    assert world.called == ["secure", "capture"]


def test_what_survives_a_restart() -> None:
    assert {command.do for command in EACH if keep_after_restart(command)} == {
        Do.ANNOTATE,
        Do.PAUSE_RECORDING,
        Do.RESUME_RECORDING,
        Do.UNHOLD,
        Do.QUERY_CHARGE,
    }


def test_a_dead_node_does_not_ask_the_partner_for_everything_at_once() -> None:
    """The others wait for their turn, not for the end of their patience."""
    world = World()
    commands = [cmd.PartnerRefresh(reference=f"r{number}", key=f"k{number}") for number in range(9)]
    world.gates["refresh"] = asyncio.Event()
    begun: list[int] = []

    def go_on(_: Dispatcher) -> None:
        begun.append(len(world.called))
        world.gates["refresh"].set()

    run(world, *commands, then=go_on)
    assert begun == [4]
    assert world.called == ["refresh"] * 9
    assert world.events == []
