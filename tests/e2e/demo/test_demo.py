"""`callseal demo`, run as a stranger would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from callseal.lab.block import Block
from callseal.lab.preflight import taken
from tests.support import chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

LINES = 42
BLOCK = Block("127.92.0")
# Ctrl-C must reach it also where whoever started the tests ignores it, as a shell does for what it puts into the background.
LISTENING = ("env", "--default-signal=INT")
DEMO = [*LISTENING, sys.executable, "-m", "callseal.cli.main", "demo", "--block", BLOCK.prefix]


def _nothing_is_left(temporary: Path) -> None:
    assert taken(BLOCK) == []
    assert list(temporary.iterdir()) == [], "the demo left files behind"
    assert BLOCK.prefix not in Path("/proc/mounts").read_text()


def _environment(temporary: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(temporary), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def test_it_plays_three_calls_and_ends_with_a_verdict(tmp_path: Path) -> None:
    temporary, report = tmp_path / "tmp", tmp_path / "report.html"
    temporary.mkdir()
    done = subprocess.run(
        [*DEMO, "--report", str(report)],
        env=_environment(temporary),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout, "NO_COLOR and no terminal: no escape codes"
    lines = done.stdout.splitlines()
    assert len(lines) <= LINES
    assert max(len(line) for line in lines if "file://" not in line) <= 100
    assert "agent heard 0 of 23 digits" in done.stdout
    audit = next(line for line in lines if line.startswith("AUDIT"))
    assert audit.endswith("secured: 0 of 108 digits reached the agent; self-test passed")
    page = report.read_text(encoding="utf-8")
    assert page.count('class="badge clean"') == 3, "each call is clean in the audit of the demo's own capture"
    assert f"report {report.as_uri()}" in "".join(lines)
    assert done.stdout.count("re-INVITE") == 8, "two legs out and home, each seen on both sides of the edge"
    assert done.stdout.count("INVITE + token") == 1
    _nothing_is_left(temporary)


def test_ctrl_c_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        DEMO, env=_environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if "INVITE" in line:
            break
    demo.send_signal(signal.SIGINT)
    rest = demo.communicate(timeout=30)[0]
    assert demo.returncode == 130
    assert "Traceback" not in rest
    _nothing_is_left(tmp_path)


def test_a_taken_block_is_said_with_what_to_do(tmp_path: Path) -> None:
    import socket  # noqa: PLC0415

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((BLOCK.kamailio, 5060))
        done = subprocess.run(
            DEMO, env=_environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "--block" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    """`callseal demo --serve`: the two links."""
    with tempfile.TemporaryDirectory() as folder:
        demo = subprocess.Popen(
            [*DEMO, "--serve"],
            env=_environment(Path(folder)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert demo.stdout is not None
            links: list[str] = []
            for line in demo.stdout:
                links += re.findall(r"http://\S+", line)
                if len(links) == 2:
                    break
            assert len(links) == 2
            yield links[0], links[1]
        finally:
            demo.send_signal(signal.SIGINT)
            try:
                rest = demo.communicate(timeout=30)[0]
            finally:
                demo.kill()
        assert (demo.returncode, rest.rstrip().endswith("stopped; nothing is left running")) == (0, True), (
            rest
        )
        _nothing_is_left(Path(folder))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=chromium.ARGUMENTS)
        yield started
        started.close()


def _open(browser: Browser, link: str, complaints: list[str]) -> Page:
    page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(link)
    return page


def test_card_and_keypad_in_a_real_browser_take_a_payment(served: tuple[str, str], browser: Browser) -> None:
    complaints: list[str] = []
    card = _open(browser, served[0], complaints)
    keypad = _open(browser, served[1], complaints)
    keypad.get_by_role("button", name=re.compile("call", re.IGNORECASE)).first.click()
    expect(card.get_by_text("The line is open").first).to_be_visible(timeout=15_000)
    card.get_by_role("button", name=re.compile("secure", re.IGNORECASE)).first.click()
    expect(card.get_by_text("The line is secure").first).to_be_visible(timeout=10_000)
    card.get_by_role("button", name=re.compile("ask|card details|take", re.IGNORECASE)).first.click()
    for group in ("4242424242424242", "1230", "123"):
        time.sleep(0.5)
        for key in group:
            keypad.keyboard.press(key)
            time.sleep(0.16)
    charge = card.get_by_role("button", name=re.compile("charge", re.IGNORECASE)).first
    card.get_by_label(re.compile("amount", re.IGNORECASE)).first.fill("12.50")
    expect(charge).to_be_enabled(timeout=10_000)
    charge.click()
    expect(card.get_by_text(re.compile("approved", re.IGNORECASE)).first).to_be_visible(timeout=10_000)
    assert complaints == []
