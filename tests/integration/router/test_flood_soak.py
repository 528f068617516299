"""What a known peer costs that begins calls as fast as it may and has nobody answer: `make soak-flood`. The last result stands in
docs/reference/soak.md.

A call that is up beside it is secured and brought home again and again, and other calls are tried. At a rate that two cores carry nothing of
that may fail; memory may be short at no rate.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from callseal.lab.rootfs import project_root
from tests.integration.router.conftest import Keeper, MakeRig
from tests.integration.router.flooding import Body, LowestFree, Patient, Unanswered, flood, free, invite
from tests.integration.router.fuzzing import percentile
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, Story, inbound
from tests.support.sip_peer import Dialog

pytestmark = [pytest.mark.integration, pytest.mark.soak]

SECONDS = 20
CASES: list[tuple[Body, int, int]] = [
    ("sdp", 100, 512), ("large sdp", 100, 512), ("large multipart", 100, 512), ("large sdp", 500, 512),
    ("large, no offer", 500, 512), ("large, no offer", 500, 64),
]  # fmt: skip
"""Body, INVITEs a second (500 is the limit of a peer), MiB of shared memory."""


def offered(rig: Rig) -> tuple[int, float]:
    """A new call up to its first answer: the partner has it (100) or the router has refused it (its status); milliseconds."""
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    started, said = time.monotonic(), 0
    again = partial(
        dialog.request,
        "INVITE",
        sdp=rig.customer_media.sdp(),
        cseq=1,
        branch=f"z9hG4bK{secrets.token_hex(8)}",
    )
    while (passed := time.monotonic() - started) < 6:
        if passed >= said:
            again()
            said += 1
        for message in list(rig.partner.heard):
            if message.call_id == dialog.call_id and message.start.startswith("INVITE "):
                took = (time.monotonic() - started) * 1000
                rig.partner.reply(message, 486, tag="x")
                return dialog.answered(1).status, took
        for message in list(rig.carrier.heard):
            if message.call_id == dialog.call_id and message.status >= 300:
                return message.status, (time.monotonic() - started) * 1000
        time.sleep(0.002)
    return 0, 6000


def moves_for(story: Story, seconds: float) -> Iterator[float]:
    """Milliseconds that a secured line takes, both legs there and home again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.monotonic()
        story.secure()
        story.restore()
        yield (time.monotonic() - started) * 1000


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("body", "rate", "mib"), CASES)
def test_flood_within_its_limit(keeper: Keeper, make_rig: MakeRig, body: Body, rate: int, mib: int) -> None:
    keeper.close()  # nothing of the last flood
    rig = make_rig(shared_mib=mib)
    story = inbound(rig)
    story.__class__ = Patient
    total, peers, watch = free(rig), Unanswered(rig), LowestFree(rig)
    alone = list(moves_for(story, 3))
    quiet = [ms for _, ms in (offered(rig) for _ in range(60))]
    peers.stand()
    tried: list[tuple[int, float]] = []
    moved: list[float] = []
    lost = 0
    try:
        with watch.watching(), flood(rig, invite(rig, body), rate=rate) as told:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                if lost == 0:
                    try:
                        moved += moves_for(story, 0.01)
                    except AssertionError:
                        lost = 1
                tried.append(offered(rig))
                for peer in rig.peers:
                    peer.heard.clear()
                    peer._taken.clear()
    finally:
        peers.leave()
        load = os.getloadavg()[0]
    took = [ms for status, ms in tried if status == 486]
    _row(
        f"{time.strftime('%Y-%m-%d')} | {rig.rootfs.suite} | {mib} | {body} | {told.sent / told.seconds:.0f} | {told.answers.get('100', 0)} | "
        f"{told.sent - told.answers.get('100', 0)} | {rig.count('memory_refused')} | "
        f"{watch.lowest * 100 // total} % | {_both(alone)} | {_both(moved)}{lost * ' (lost)'} | {_both(quiet)} | {_both(took)} | "
        f"{sum(status in (500, 503) for status, _ in tried)} of {len(tried)} | {load:.0f}"
    )
    assert watch.lowest > total * 6 // 100
    if rate <= 100:
        assert lost == 0
        assert {status for status, _ in tried} == {486}
        story.hang_up()


def _both(values: list[float]) -> str:
    return f"{percentile(values, 0.5):.0f} / {percentile(values, 0.99):.0f} ms" if values else "-"


def _row(row: str) -> None:
    kept: Path = project_root() / "build" / "soak"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "flood.md").open("a", encoding="utf-8") as page:
        page.write(f"| {row} |\n")
