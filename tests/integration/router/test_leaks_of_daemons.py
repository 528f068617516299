"""What Kamailio and rtpengine write when they are made to say as much as they can, and when they crash; and the same with what
forbids it taken away, which must be found.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from callseal.audit.canary_scan import scan
from callseal.deployment import read
from callseal.lab.block import Block
from callseal.lab.daemon import Daemon
from callseal.lab.preflight import taken
from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from callseal.lab.router import KAMAILIO_LOUD, RTPENGINE_LOUD, Kamailio, Rtpengine
from callseal.lab.workspace import Workspace
from callseal.render import render
from callseal.wire.ng import encode_message
from tests.support.rtp_talker import sdp
from tests.support.written import CORE_PATTERN, Written, processes_of

pytestmark = pytest.mark.integration

PRESSED, SPOKEN = "378282246310005", "4012888888881881"
"""Digit by digit in INFOs; in one piece in the text of a message."""


@dataclass(slots=True)
class Scene:
    """A machine of its own for one daemon. `block` has the addresses."""

    suite: str
    block: Block
    folder: Path
    written: Written
    stack: ExitStack

    @property
    def workspace(self) -> Path:
        return self.folder / "world"

    def run(self, daemon: Daemon) -> Daemon:
        self.stack.callback(daemon.stop)
        return daemon.start().wait_ready()

    def send(self, source: str, target: tuple[str, int], *messages: bytes, answered: int = 0) -> None:
        """The first `answered` one after the other: several workers would log them in any order."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind((source, 0))
            peer.settimeout(3)
            for number, message in enumerate(messages):
                peer.sendto(message, target)
                if number < answered:
                    peer.recv(4096)
        time.sleep(0.3)

    def crash(self, daemon: Daemon) -> None:
        """By its first worker, if it has one."""
        os.kill(sorted(processes_of([daemon.pid]))[:2][-1], signal.SIGSEGV)
        assert daemon.process is not None
        daemon.process.wait(10)

    def found(self) -> set[tuple[str, str]]:
        """(first word of the file's name, form)"""
        scans = [
            scan(one, canaries=[PRESSED, SPOKEN])
            for one in (self.workspace / "logs", *self.written.layers)
            if one.exists()
        ]
        assert not any(one.unread for one in scans)
        return {(one.file.name.partition(".")[0], one.form) for each in scans for one in each.findings}


ROWS = pytest.mark.parametrize("scene", [BASELINE, COMPATIBILITY], indirect=True)
ONE_ROW = pytest.mark.parametrize("scene", [BASELINE], indirect=True)
"""Core files are the kernel's affair, and the same on both."""


@pytest.fixture
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    block = next(one for one in (Block(f"127.93.{number}") for number in range(200, 250)) if not taken(one))
    with ExitStack() as stack:
        written = stack.enter_context(Written(tmp_path, tmp_path / "world"))
        yield Scene(request.param, block, tmp_path, written, stack)


Quieted = Literal["door", "debugger", "nothing"]
"""What says what Kamailio may log. Nothing: it was told that it has a log door, and has none."""


def kamailio(scene: Scene, edits: dict[str, str], quieted: Quieted) -> Daemon:
    """With `edits` to the router's files, and -dddd."""
    workspace = Workspace(scene.workspace, scene.block)
    workspace.prepare()
    deployment = read(workspace.deployment)
    render(deployment, "edge-1", workspace.router)
    for path in workspace.router.glob("*.cfg"):
        text = path.read_text(encoding="utf-8")
        for old, new in edits.items():
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    daemon = Kamailio(
        Rootfs.build(scene.suite),
        config=workspace.router,
        sip=deployment.edges[0].sip.pair,
        known_peer=scene.block.customer,
        log=workspace.logs / "kamailio.log",
        extra=(*KAMAILIO_LOUD, "-m", "16"),  # a small core is soon searched
        place=scene.written,
        door=quieted == "door",
    )
    if quieted == "nothing":
        daemon.argv.insert(daemon.argv.index("kamailio"), "WITH_LOG_DOOR=1")
        daemon.argv.insert(daemon.argv.index("WITH_LOG_DOOR=1"), "env")
    return scene.run(daemon)


def infos(scene: Scene) -> list[bytes]:
    """Each key an INFO of the carrier's, in no dialog; and one message that the parser cannot read."""
    block = scene.block

    def info(number: int, via: str, body: str) -> bytes:
        return (
            f"INFO sip:x@{block.kamailio} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@{block.customer}>;tag=a\r\n"
            f"To: <sip:x@{block.kamailio}>;tag=b\r\nCall-ID: one\r\nCSeq: {number} INFO\r\nMax-Forwards: 60\r\n"
            f"Content-Type: application/dtmf-relay\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    via = f"SIP/2.0/UDP {block.customer};branch=z9hG4bK"
    keys = [
        info(at + 10, f"{via}{at}k", f"Signal={key}\r\nDuration=100\r\n") for at, key in enumerate(PRESSED)
    ]
    # Enough for each worker to get some of them.
    return [*keys, *([info(99, f"SIP/2.0/UDP ;;; {SPOKEN}", f"Signal={SPOKEN}")] * 40)]


def cores_are_files() -> None:
    if CORE_PATTERN.read_text(encoding="utf-8").startswith("|"):
        pytest.skip("this kernel hands core files to a program: kernel.core_pattern=core is missing")


QUIET: dict[str, str] = {}
MODULES_SPEAK = {'"mod_level", "regex=1"': '"mod_level", "regex=3"'}
PARSERS_SPEAK = {"corelog=4": "corelog=-1", "sip_parser_log=4": "sip_parser_log=-1"}
CORE_SPEAKS = {'"mod_level", "core=-2"': '"mod_level", "core=3"', **PARSERS_SPEAK}


def say_and_crash(scene: Scene, edits: dict[str, str], quieted: Quieted) -> set[tuple[str, str]]:
    daemon = kamailio(scene, edits, quieted)
    scene.send(scene.block.customer, (scene.block.kamailio, 5060), *infos(scene), answered=len(PRESSED))
    scene.crash(daemon)
    assert "DEBUG" in daemon.log.read_text(errors="replace"), "it was loud"
    return scene.found()


@ROWS
@pytest.mark.parametrize(
    ("quieted", "edits"), [("door", PARSERS_SPEAK), ("debugger", QUIET)], ids=["door", "debugger"]
)
def test_kamailio_writes_no_digit(scene: Scene, quieted: Quieted, edits: dict[str, str]) -> None:
    """With the log door it does not matter what the core's own settings say."""
    assert say_and_crash(scene, edits, quieted) == set()


@ROWS
def test_without_log_door_and_debugger_kamailio_writes_digits(scene: Scene) -> None:
    found = say_and_crash(scene, PARSERS_SPEAK, "nothing")
    assert {("kamailio", "events"), ("kamailio", "plain")} <= found


@ROWS
@pytest.mark.parametrize(
    ("edits", "form"), [(MODULES_SPEAK, "events"), (CORE_SPEAKS, "plain")], ids=["modules", "core"]
)
def test_without_its_limits_kamailio_writes_digits(scene: Scene, edits: dict[str, str], form: str) -> None:
    assert ("kamailio", form) in say_and_crash(scene, edits, "debugger")


@ONE_ROW
def test_kamailio_that_may_leave_a_core_leaves_digits(scene: Scene) -> None:
    cores_are_files()
    # One worker: whichever of four is killed may be one that heard nothing.
    edits = {"disable_core_dump=yes": "disable_core_dump=no", "children=4": "children=1"}
    assert ("core", "plain") in say_and_crash(scene, edits, "door")


def offer_and_crash(scene: Scene, limit: str) -> set[tuple[str, str]]:
    address = scene.block.edge_media
    daemon = Rtpengine(
        Rootfs.build(scene.suite),
        media=address,
        ng=(address, 2223),
        log=scene.workspace / "logs" / "rtpengine.log",
        extra=RTPENGINE_LOUD,
        place=scene.written,
    )
    daemon.argv = [word.replace("--core=0:0", limit) for word in daemon.argv]
    scene.run(daemon)
    offer = sdp(scene.block.customer, 20000).replace("s=-", f"s={SPOKEN}")
    ask = {"command": "offer", "call-id": "one", "from-tag": "a", "sdp": offer}
    scene.send(scene.block.customer, (address, 2223), encode_message("1", ask))
    scene.crash(daemon)
    assert "INFO" in daemon.log.read_text(errors="replace"), "it was loud"
    return scene.found()


@ROWS
def test_rtpengine_writes_no_digit(scene: Scene) -> None:
    """Its DTMF log and level 7 are another test's: tests/integration/fence/test_cells.py."""
    assert offer_and_crash(scene, "--core=0:0") == set()


@ONE_ROW
def test_rtpengine_that_may_leave_a_core_leaves_digits(scene: Scene) -> None:
    cores_are_files()
    assert ("core", "plain") in offer_and_crash(scene, "--core=unlimited:unlimited")
