"""`callseal audit` as it is used: files in, verdicts and exit codes out, nothing but counts told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from callseal.wire.ip import udp_packet
from callseal.wire.pcap_stream import pcap_header, pcap_record
from tests.support.call_capture import EDGE_TO_AGENT, Capture, Talk, murmur, secured_call, tones
from tests.support.command_line import Done, callseal

pytestmark = pytest.mark.integration

SIPP = Path("/usr/share/sip-tester")
CALLSEAL = [sys.executable, "-m", "callseal.cli.main", "audit"]


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *arguments: callseal(capsys, monkeypatch, "audit", *arguments)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captures") / "clean.pcap"
    path.write_bytes(bytes(secured_call()))
    return path


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captures") / "leaking.pcap"
    path.write_bytes(bytes(secured_call(leak_events="86753")))
    return path


def test_verdicts_are_signed_chained_and_verified(
    run: Run, clean: Path, leaking: Path, tmp_path: Path
) -> None:
    key, out, report = tmp_path / "sign.pem", tmp_path / "verdicts", tmp_path / "report.html"
    made = run("key", key)
    assert made.returncode == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert run("key", key).returncode == 1, "a key is never overwritten"
    first = run(clean, "--sign", key, "--out", out, "--report", report)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("CLEAN")
    assert report.resolve().as_uri() in first.stdout
    second = run("--sign", key, "--out", out, leaking)
    assert second.returncode == 3
    assert "5 digits reached the agent's side in a guarded window" in second.stdout
    assert "86753" not in second.stdout + "".join(path.read_text() for path in out.iterdir())
    verified = run("verify", "--key", key, out)
    assert verified.returncode == 0
    assert "2 verdicts hold" in verified.stdout
    files = sorted(path for path in out.iterdir() if path.name != "head.json")
    assert run("verify", *files).returncode == 0
    assert run("verify", *files[::-1]).returncode == 1
    assert run("verify", files[1]).returncode == 1
    files[0].write_bytes(files[0].read_bytes().replace(b'"digits_to_agent":0', b'"digits_to_agent":1'))
    changed = run("verify", out)
    assert changed.returncode == 1
    assert "verdict 1 was changed" in changed.stderr
    assert "Traceback" not in changed.stderr


@pytest.mark.skipif(not SIPP.is_dir(), reason="sip-tester is not installed")
@pytest.mark.parametrize("name", ["0", "7", "9", "star", "pound"])
def test_sipps_own_captures_of_keys(run: Run, name: str) -> None:
    done = run(SIPP / f"dtmf_2833_{name}.pcap", "--json")
    assert done.returncode == 4, "a digit, and nobody knows when the line was secured"
    said = json.loads(done.stdout)
    assert said["result"]["digits_to_agent"] == 1
    assert said["streams"][0]["codecs"] == {"EVENT": said["streams"][0]["packets"]}


@pytest.mark.skipif(not SIPP.is_dir(), reason="sip-tester is not installed")
def test_sipps_own_capture_of_speech(run: Run) -> None:
    done = run(SIPP / "g711a.pcap", "--json")
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert said["streams"][0]["codecs"]["PCMA"] > 200
    assert said["self_test"]["passed"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["/nowhere.pcap"], 1, "No such file"),
        (["{empty}"], 1, "the file is empty"),
        (["{text}"], 1, "neither pcap nor pcapng"),
        (["{clean}", "--keys", "maybe"], 2, "allow or deny"),
        (["{clean}", "--window", "5"], 2, "FROM..TO"),
        (["{clean}", "--window", "+5..+4"], 2, "ends before"),
        (["{clean}", "--call", "nobody"], 1, "not in the capture"),
        (["{clean}", "--sign", "{text}"], 1, "not a private key"),
        (["verify", "{text}"], 1, "not JSON"),
    ],
)
def test_what_goes_wrong_is_said(
    run: Run, arguments: list[str], code: int, words: str, clean: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello")
    names = {"{empty}": tmp_path / "empty", "{text}": tmp_path / "text", "{clean}": clean}
    done = run(*(names.get(one, one) for one in arguments))
    assert done.returncode == code, done.stderr
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_a_given_window(run: Run, leaking: Path) -> None:
    assert run(leaking, "--window", "+2..+6").returncode == 3
    assert run(leaking, "--window", "+6.1..+7").returncode == 0


def _large(path: Path, megabytes: int) -> None:
    """Streams that come and go, noise that is no RTP, written without holding it."""
    rng = np.random.default_rng(1)
    payload = bytes(rng.integers(0, 256, 160, dtype=np.uint8))
    with path.open("wb") as sink:
        sink.write(pcap_header())
        number = 0
        while sink.tell() < megabytes << 20:
            at = number / 500
            call = int(at // 60)
            for stream in range(10):
                head = (
                    bytes((0x80, 0))
                    + (number & 0xFFFF).to_bytes(2, "big")
                    + (number * 160 & 0xFFFFFFFF).to_bytes(4, "big")
                )
                packet = head + (call * 10 + stream).to_bytes(4, "big") + payload
                sink.write(
                    pcap_record(
                        1e9 + at, udp_packet(("192.0.2.1", 4000 + stream), ("192.0.2.2", 4000), packet)
                    )
                )
            junk = bytes([0x80 | number & 0x3F, 5]) + number.to_bytes(4, "big") * 8
            sink.write(pcap_record(1e9 + at, udp_packet(("192.0.2.3", 53), ("192.0.2.4", 53), junk)))
            number += 1


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for megabytes in (6, 30):
        path = tmp_path / f"{megabytes}.pcap"
        _large(path, megabytes)
        script = (
            "import re, sys; from callseal.audit import libraries; libraries.load(); from callseal.cli.main import app\n"
            "try: app(['audit', sys.argv[1]])\n"
            # Not getrusage: its maximum is inherited from the process that started this one.
            "except SystemExit: print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)],
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        peaks.append(int(done.stdout.splitlines()[-1]))
    assert peaks[1] < peaks[0] + 40, f"{peaks} MB for 6 and 30 MB of capture"
    assert peaks[1] < 250


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root (CAP_NET_RAW)")
@pytest.mark.parametrize(("leak", "code"), [(False, 0), (True, 4)])
def test_live_hears_what_goes_to_the_agent_and_nothing_else(leak: bool, code: int, tmp_path: Path) -> None:
    agent, other = "127.95.7.40", "127.95.7.10"
    capture = Capture()
    talk = Talk(capture, EDGE_TO_AGENT, (agent, 20000))
    at = talk.say(0.0, murmur(1.5))
    if leak:
        at = talk.say(talk.press(at, "7"), tones("3"))
    talk.say(at, murmur(0.5))
    elsewhere = Talk(capture, EDGE_TO_AGENT, (other, 20000), ssrc=5)
    elsewhere.press(elsewhere.say(0.0, murmur(0.5)), "999")

    command = [*CALLSEAL, "live", "--agent", agent, "--json", "--out", str(tmp_path / "v")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listening:
        assert listening.stderr is not None
        assert listening.stderr.readline() == f"listening to what goes to {agent}\n"
        begin, started = capture.records[0][0], time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for when, frame in sorted(capture.records):
                time.sleep(max(0.0, when - begin - (time.monotonic() - started)))
                sender.sendto(frame[28:], (socket.inet_ntoa(frame[16:20]), 20000))
        time.sleep(0.5)
        listening.send_signal(signal.SIGINT)
        output, errors = listening.communicate(timeout=60)
    done = Done(listening.returncode, output, errors)
    assert done.returncode == code, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["result"]["digits_to_agent"] == (2 if leak else 0)
    assert all(one["destination"] == f"{agent}:20000" for one in said["streams"])
    assert sorted(path.suffix for path in (tmp_path / "v").iterdir()) == [".json", ".json"]
