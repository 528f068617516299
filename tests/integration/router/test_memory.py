"""Short of shared memory: new calls are turned away, those that are up are secured, brought home and hung up (router/memory.cfg)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.emergencies import emergency_goes_out
from tests.integration.router.flooding import LowestFree, Patient, Unanswered, flood, free, invite, level
from tests.integration.router.fuzzing import good_call
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, TOKEN, Story, inbound, second_headers, second_leg
from tests.support.sip_peer import Dialog, Message, SipPeer

pytestmark = pytest.mark.integration


def until_level(rig: Rig, wanted: int, timeout_s: float = 6.0) -> None:
    deadline = time.monotonic() + timeout_s
    while level(rig) != wanted:
        assert time.monotonic() < deadline, (
            f"memory is {level(rig)}, not {wanted}; {free(rig)} bytes are free"
        )
        time.sleep(0.02)


def until(seen: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def left(rig: Rig, per_cent: int, wanted: int) -> Iterator[None]:
    """As if only so much of the memory were left: of what was free at the start, the router is told another figure."""
    was = rig.rpc("pv.shvGet", "memory_percent")["value"]
    rig.rpc("pv.shvSet", "memory_percent", "int", free(rig) // 1024 // per_cent)
    try:
        until_level(rig, wanted)
        yield
    finally:
        rig.rpc("pv.shvSet", "memory_percent", "int", int(was))
        until_level(rig, 0)


def asked(rig: Rig, peer: SipPeer, method: str, headers: tuple[str, ...] = ()) -> Message:
    dialog = Dialog.new(peer, f"sip:{NUMBER}@{rig.kamailio.sip[0]}", user=NUMBER)
    return dialog.answered(dialog.request(method, headers=headers), method)


def first_half(rig: Rig) -> Message:
    """A new call of the carrier that the partner has taken."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    rig.partner.reply(leg1, 100)
    return leg1


@pytest.mark.compat
def test_short_of_memory_what_is_up_goes_on(rig: Rig) -> None:
    story, leg1 = inbound(rig), first_half(rig)
    back = second_leg(rig, leg1)
    before = rig.count("memory_refused")
    with left(rig, 20, 1):
        for peer in (rig.carrier, rig.platform):
            refused = asked(rig, peer, "INVITE")
            assert (refused.status, refused.get("Retry-After")) == (503, "10")
        assert rig.count("memory_refused") == before + 2
        assert {asked(rig, peer, "OPTIONS").status for peer in rig.peers} == {200}, (
            "no peer takes us for dead"
        )
        assert asked(rig, rig.partner, "INVITE").status == 403, "without our cookie it is no call of ours"
        emergency_goes_out(rig)
        second = back.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, TOKEN))
        rig.platform.reply(rig.platform.expect_request("INVITE"), 486, tag="x")
        assert back.answered(second).status == 486, "the second half of a call that was let in"
        rig.partner.reply(leg1, 486, tag="x")
        story.secure()
        story.restore()
        story.hang_up()
    rig.fresh()
    inbound(rig).hang_up()


@pytest.mark.compat
def test_nearly_out_of_memory_calls_that_are_up_still_go_on(make_rig: MakeRig) -> None:
    """No second half either, which would be half the memory again; and what a peer sends above its limit in a dialog is refused, too."""
    rig = make_rig(edits=(("id=sandbox;rps=5000;cps=500", "id=sandbox;rps=40;cps=500"),))
    story, leg1 = inbound(rig), first_half(rig)
    with left(rig, 5, 2):
        assert asked(rig, rig.carrier, "INVITE").status == 503
        refused = asked(rig, rig.partner, "INVITE", second_headers(leg1, TOKEN))
        assert (refused.status, refused.get("Retry-After")) == (500, "10")
        emergency_goes_out(rig)
        story.secure()
        story.restore()
        info = story.partner_customer.request("INFO")
        story.carrier.reply(story.carrier.incoming("INFO"), 200)
        assert story.partner_customer.answered(info, "INFO").status == 200
        time.sleep(1.1)  # a second of the limit in which nothing has been counted
        infos = [story.partner_customer.request("INFO") for _ in range(120)]
        assert story.partner_customer.answered(infos[-1], "INFO").status == 500
        assert len(rig.carrier.untaken("INFO")) <= 80, "two seconds' worth"
        story.hang_up()
        # The partner is far above its limit still, and its BYE went through all the same.
    rig.partner.reply(leg1, 486, tag="x")


def timer_of_memory(rig: Rig) -> int:
    """The pid of the process that looks."""
    said = rig.rpc("core.ps")  # pid, name, pid, name...
    (pid,) = [pid for pid, name in zip(said[::2], said[1::2], strict=True) if name.endswith("timer=memory")]
    return int(pid)


def four_seconds_later(rig: Rig) -> None:
    looked = int(rig.rpc("pv.shvGet", "memory_looked")["value"])
    assert abs(looked - time.time()) < 3, "the timer has said when it was here"
    rig.rpc("pv.shvSet", "memory_looked", "int", looked - 4)


@pytest.mark.compat
def test_a_timer_that_hangs_leaves_no_word_that_stands_for_ever(rig: Rig) -> None:
    """Neither "short" nor "enough": a new call looks itself, until the timer comes again."""
    timer = timer_of_memory(rig)
    was = int(rig.rpc("pv.shvGet", "memory_percent")["value"])
    too_little = free(rig) // 1024 // 20
    rig.rpc("pv.shvSet", "memory_percent", "int", too_little)
    until_level(rig, 1)
    os.kill(timer, signal.SIGSTOP)
    try:
        rig.rpc("pv.shvSet", "memory_percent", "int", was)
        assert asked(rig, rig.carrier, "INVITE").status == 503, "its word counts for three seconds"
        four_seconds_later(rig)
        story = inbound(rig)
        rig.rpc("pv.shvSet", "memory_percent", "int", too_little)
        assert asked(rig, rig.carrier, "INVITE").status == 503, "the guard goes on"
        rig.rpc("pv.shvSet", "memory_percent", "int", was)
        story.secure()
        story.restore()
        story.hang_up()
        assert asked(rig, rig.platform, "OPTIONS").status == 200
        assert rig.rpc("pv.shvGet", "memory_stale")["value"] == 1, "the doctor sees it"
    finally:
        os.kill(timer, signal.SIGCONT)
        rig.rpc("pv.shvSet", "memory_percent", "int", was)
    until(lambda: rig.rpc("pv.shvGet", "memory_stale")["value"] == 0)
    until_level(rig, 0)
    assert rig.kamailio.log_text().count("no longer looks at shared memory") == 1


def test_nearly_out_with_a_timer_that_hangs_nothing_in_a_dialog_is_turned_away_for_ever(
    make_rig: MakeRig,
) -> None:
    rig = make_rig(edits=(("id=sandbox;rps=5000;cps=500", "id=sandbox;rps=40;cps=500"),))
    timer, story = timer_of_memory(rig), inbound(rig)
    was = int(rig.rpc("pv.shvGet", "memory_percent")["value"])
    rig.rpc("pv.shvSet", "memory_percent", "int", free(rig) // 1024 // 5)
    until_level(rig, 2)
    os.kill(timer, signal.SIGSTOP)
    try:
        rig.rpc("pv.shvSet", "memory_percent", "int", was)
        four_seconds_later(rig)
        for _ in range(120):
            story.partner_customer.request("INFO")
        until(lambda: len(rig.carrier.untaken("INFO")) == 120)
        assert level(rig) == 0
    finally:
        os.kill(timer, signal.SIGCONT)
        rig.rpc("pv.shvSet", "memory_percent", "int", was)


@pytest.mark.compat
def test_the_guard_does_not_die_alone(make_rig: MakeRig) -> None:
    """Kamailio ends with the process that looks, and comes back with another (`Restart=always`)."""
    rig = make_rig()
    os.kill(timer_of_memory(rig), signal.SIGKILL)
    until(lambda: not rig.kamailio.alive, 10)
    rig.kamailio.restart()
    rig.fresh()
    inbound(rig).hang_up()
    assert level(rig) == 0


@pytest.mark.compat
@pytest.mark.timeout(90)
def test_flood_within_its_limit_takes_no_memory_from_calls_that_are_up(make_rig: MakeRig) -> None:
    """Big INVITEs that the partner takes and nobody answers; the memory is small, so that it is full in a few seconds."""
    rig = make_rig(shared_mib=32)
    total, story = free(rig), inbound(rig)
    story.__class__ = Patient
    peers, watch = Unanswered(rig), LowestFree(rig)
    peers.stand()
    try:
        with watch.watching(), flood(rig, invite(rig, "large sdp"), rate=150) as told:
            until_level(rig, 1, 20)
            refused = asked(rig, rig.carrier, "INVITE")
            story.secure()
            story.restore()
            until(lambda: rig.count("memory_refused") > 100)
    finally:
        peers.leave()
    assert (refused.status, refused.get("Retry-After")) == (503, "10")
    assert watch.lowest > total * 6 // 100, "the reserve is there"
    assert set(told.answers) == {"100", "503"}
    story.secure()
    story.restore()
    story.hang_up()
    peers.refuse()
    until_level(rig, 0, 20)
    rig.fresh()
    good_call(rig)
    log = rig.kamailio.log_text()
    assert log.count("new calls are turned away") == log.count("new calls are taken") == 1


def back_and_forth(story: Story) -> None:
    """Several times: transactions end and leave a little, so that one press may get through."""
    for _ in range(20):
        story.secure()
        story.restore()


@pytest.mark.timeout(60)
def test_without_the_guard_the_same_flood_takes_all_of_it(make_rig: MakeRig) -> None:
    """What the test above would say if the guard did nothing: memory is gone, and a call that is up cannot be secured."""
    rig = make_rig(edits=(("$var(short_line) = 25;", "$var(short_line) = 0;"), ("$var(out_line) = 12;", "$var(out_line) = 0;")), shared_mib=32)  # fmt: skip
    story, peers = inbound(rig), Unanswered(rig)
    peers.stand()
    try:
        with flood(rig, invite(rig, "large sdp"), rate=150):
            until(lambda: free(rig) < 200_000)
            with pytest.raises(AssertionError):
                back_and_forth(story)
    finally:
        peers.leave()
