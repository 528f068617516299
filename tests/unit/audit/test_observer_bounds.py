"""What an observer keeps is bounded by packets at a time and by calls, not by the file; and what it gives up is said."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest

from callseal.audit import connections, observer
from callseal.audit.captures import Named
from callseal.audit.command import Options, audit
from callseal.audit.connections import Connections
from callseal.audit.gauge import Gauge
from callseal.audit.observer import Observer
from callseal.wire.ip import RAW, TCP, Packet
from callseal.wire.pcap_stream import Frame
from tests.support.call_capture import Capture, Talk, murmur, secured_call, tones

pytestmark = pytest.mark.unit


def many_streams(count: int, seconds: float) -> Capture:
    capture = Capture()
    for number in range(count):
        Talk(capture, ("192.0.2.1", 4000 + 2 * number), ("192.0.2.2", 4000), ssrc=number + 1).say(
            0.0, murmur(seconds)
        )
    return capture


def test_many_streams_at_a_time_do_not_wait_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "MOST_PENDING", 500)
    monkeypatch.setattr(observer, "SWEEP_FRAMES", 100)
    reader, most = Observer(), 0

    def frames() -> Iterator[Frame]:
        nonlocal most
        for at, frame in sorted(many_streams(40, 2.0).records):
            yield at, RAW, frame
            most = max(most, sum(len(one.pending) for one in reader._streams.values()))

    reader.watch(frames())
    assert 400 < most <= 600
    found = reader.finish()
    assert [one.packets for one in found.streams] == [100] * 40
    assert all(one.lost == one.duplicates == 0 for one in found.streams)


def test_beyond_the_samples_a_self_test_is_made_on_silence_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = secured_call(leak=tones("42"))
    for most, silent in ((observer.MOST_SAMPLES, False), (0, True)):
        monkeypatch.setattr(observer, "MOST_SAMPLES", most)
        (found,) = audit([Named("x.pcap", io.BytesIO(bytes(call)))], Options(), made_at=1)
        said = found.verdict
        assert said["self_test"]["passed"]
        assert any("made on silence" in note for note in said["notes"]) is silent
        assert said["result"]["digits_to_agent"] == 2


def test_connections_that_are_no_sip_keep_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 50)
    seen = Connections()
    for number in range(6000):
        many = 40 if number < 3000 else 60  # first all may stay, then the oldest go
        end = f"192.0.2.1:{number % many}"
        payload = (b"\x16\x03\x01" if number % 2 else b"GET ") + bytes(1000)
        packet = Packet(TCP, end, "192.0.2.2:443", payload, sequence=number // many * 1500)
        assert list(seen.feed(number / 1000, packet)) == []
    kept = sum(
        len(one._text) + sum(len(part) for _, part in one._waiting.values()) for one in seen._streams.values()
    )
    assert len(seen._streams) <= 50
    assert kept < 50 * 17 * 1004
    assert list(seen.drain()) == []
    assert seen.counts["tls_connections"] > 30
    assert seen.counts["sip_gaps"] == 0, "a gap in what is no SIP is nobody's business"


@pytest.mark.parametrize("many", [3, 70_000])
def test_a_gauge_that_is_closed_says_the_same(many: int) -> None:
    gauge = Gauge(100.0)
    gauge.add("packets", np.array([100.05, 100.95]), np.array([many, 1]))
    gauge.louder(np.array([100.5]), np.array([9.0], dtype=np.float32))
    before = gauge.reading(100.0, 101.0)
    gauge.close()
    assert gauge.reading(100.0, 101.0) == before
    assert (before.packets, before.loudest, int(gauge.bins("packets").sum())) == (many + 1, 9.0, many + 1)
