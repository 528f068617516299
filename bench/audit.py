"""`make bench-audit`: how much audio a second of CPU audits, beside tshark on the same file and beside merely reading it.

    python -m bench.audit [--seconds 600] [--quick]

One capture a codec, made here: `--streams` calls at a time, both directions, speech with a digit now and then. Each is read in turn by
`callseal audit` (a process of its own, everything in: hash, decode, self-test, verdict), by tshark, and by `cat`-like reading. R is seconds of
G.711 audio per second of CPU; the goal is 1,000 or more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import last_line, system_load, write_json
from callseal.audit.codecs import CLOCKS, Floats, encode
from callseal.audit.tone_sound import RATE, tone_samples
from callseal.wire.ip import udp_packet
from callseal.wire.pcap_stream import pcap_header, pcap_record

GOAL = 1000.0
CODECS = ("PCMU", "PCMA", "G722", "OPUS")
KINDS = {"PCMU": 0, "PCMA": 8, "G722": 9, "OPUS": 96}
VOICES = Path(__file__).parents[1] / "src" / "callseal" / "phones" / "voices"
RESULT = Path(__file__).parent / "results" / "audit.json"
LAP_S = 8


def voice(name: str) -> Floats:
    """A voice of the lab's phones, 8 kHz."""
    data = (VOICES / name).read_bytes()
    return np.frombuffer(data[data.index(b"data") + 8 :], dtype=np.int16).astype(np.float32)


def lap(name: str) -> Floats:
    """Some seconds of speech with one digit on silence in it."""
    audio = np.resize(voice(name), LAP_S * RATE)
    middle = len(audio) // 2
    audio[middle : middle + RATE // 2] = 0
    audio[middle + 800 : middle + 1600] = tone_samples("5", 100)
    return audio


def make(path: Path, codec: str, seconds: int, streams: int) -> float:
    """Writes a capture; returns how many seconds of audio are in it (all streams added up)."""
    payloads = [encode(codec, lap(name)) for name in ("customer.wav", "agent.wav")]
    step = CLOCKS[codec] // 50
    with path.open("wb") as sink:
        sink.write(pcap_header())
        for number in range(seconds * 50):
            for stream in range(streams):
                row = payloads[stream % 2]
                packet = b"".join(
                    (
                        bytes((0x80, KINDS[codec])),
                        (number & 0xFFFF).to_bytes(2, "big"),
                        (number * step & 0xFFFFFFFF).to_bytes(4, "big"),
                        (1000 + stream).to_bytes(4, "big"),
                        row[number % len(row)],
                    )
                )
                ends = ("192.0.2.1", 20000 + 2 * stream), ("192.0.2.2", 30000 + 2 * stream)
                sink.write(
                    pcap_record(1_790_000_000 + number / 50 + stream / 10_000, udp_packet(*ends, packet))
                )
    return float(seconds * streams)


def cpu_of(command: Sequence[str]) -> tuple[float, float]:
    """(CPU seconds, peak memory in MB) of a process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 4):  # clean, or digits of which nobody knows the window
        raise SystemExit(f"{command[0]} failed with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def commands(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Who reads the file, in turn."""
    python = sys.executable
    yield "audit", [python, "-m", "callseal.cli.main", "audit", str(path)]
    yield "start", [python, "-c", "from callseal.audit import command; import av"]
    yield "read", [python, "-c", f"f = open({str(path)!r}, 'rb')\nwhile f.read(1 << 20): pass"]
    if shutil.which("tshark"):
        # Only that it decodes RTP: it looks for no tone.
        ports = "udp.port==30000-31000,rtp"
        yield "tshark", ["tshark", "-n", "-r", str(path), "-d", ports, "-q", "-z", "rtp,streams"]


def measured(codec: str, seconds: int, streams: int, rounds: int) -> dict[str, Any]:
    """The best of some rounds, which others on the machine disturbed least."""
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
        path = Path(folder) / f"{codec}.pcap"
        audio = make(path, codec, seconds, streams)
        times: dict[str, list[float]] = {}
        memory = 0.0
        for _ in range(rounds):
            for name, command in commands(path):
                cpu, peak = cpu_of(command)
                times.setdefault(name, []).append(cpu)
                memory = max(memory, peak) if name == "audit" else memory
        best = {name: min(each) for name, each in times.items()}
        return {
            "codec": codec,
            "audio_seconds": audio,
            "file_mb": round(path.stat().st_size / 1e6, 1),
            "cpu_seconds": {name: round(value, 3) for name, value in best.items()},
            "audio_per_cpu_second": {
                name: round(audio / value) for name, value in best.items() if name != "start" and value
            },
            "after_start": round(audio / max(best["audit"] - best["start"], 1e-3)),
            "peak_mb": round(memory),
        }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=int, default=900, help="of each stream")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--codec", choices=CODECS, action="append", help="only this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a look of some seconds")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    seconds, rounds = (60, 1) if arguments.quick else (arguments.seconds, arguments.rounds)
    rows, load = [], system_load()
    print("seconds of audio per second of CPU, one core")
    print(f"{'codec':6} {'audit':>8} {'tshark':>8} {'read':>9} {'MB':>7} {'peak MB':>8}")
    for codec in arguments.codec or CODECS:
        row = measured(
            codec, seconds if codec in ("PCMU", "PCMA") else max(seconds // 4, 30), arguments.streams, rounds
        )
        rows.append(row)
        speed = row["audio_per_cpu_second"]
        print(
            f"{codec:6} {speed['audit']:8} {speed.get('tshark', '-'):>8} {speed.get('read', '-'):>9} "
            f"{row['file_mb']:7} {row['peak_mb']:8}",
            flush=True,
        )
    ratio = min(row["audio_per_cpu_second"]["audit"] for row in rows if row["codec"] in ("PCMU", "PCMA"))
    write_json(
        arguments.out,
        {
            "bench": "audit",
            "command": " ".join(["python -m bench.audit", *sys.argv[1:]]),
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "load_at_start": load,
            "load_at_end": system_load(),
            "codecs": rows,
            "ratio": ratio,
            "goal": GOAL,
        },
    )
    print(last_line("audit", ratio, GOAL))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
