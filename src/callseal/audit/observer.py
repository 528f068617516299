"""Frames in, streams and dialogs out: what a capture holds, in one pass and flat memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from callseal.audit.connections import Connections
from callseal.audit.datagrams import Kind, ends_of, kind_of, name_of
from callseal.audit.key_ring import StreamKeys
from callseal.audit.rtp_stream import BATCH, FEW, RtpStream
from callseal.audit.signalling import Signalling
from callseal.wire import ip
from callseal.wire.pcap_stream import Frame

MOST_STREAMS = 50_000
MOST_CANDIDATES = 4_096
MOST_PENDING = 100_000
"""Packets that wait for their batch, of all streams together; looked at with every sweep."""
MOST_SAMPLES = 64 << 20
"""Octets that are kept for self-tests; streams beyond them are tested on silence."""
LONGEST_CANDIDATE = 4096
SWEEP_FRAMES = 50_000
IDLE_S = 30.0
PAUSE_S = 5.0
_ETHERNET_IPV4 = b"\x08\x00"


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen. `streams` are those that are RTP beyond doubt; `counts` what else passed."""

    signalling: Signalling
    streams: tuple[RtpStream, ...]
    counts: dict[str, int]
    begin: float
    end: float


class Observer:
    """Reads frames. `keys` True: SRTP may be opened with keys of the signalling."""

    def __init__(self, *, keys: bool = False) -> None:
        self.signalling = Signalling()
        self._keys = keys
        self._ip = ip.IpReader()
        self._streams: dict[bytes, RtpStream] = {}
        self._candidates: dict[bytes, list[tuple[float, bytes]]] = {}
        self._ssrc_keys: dict[bytes, StreamKeys] = {}
        self._done: list[RtpStream] = []
        self._connections = Connections()
        self._samples = 0
        self._counts: Counter[str] = Counter()
        self._begin = self._end = 0.0

    def watch(self, frames: Iterable[Frame]) -> None:
        """Takes all frames. The common one (IPv4, UDP, RTP of a known stream) has the short way."""
        streams, count, begin = self._streams, 0, self._begin
        at = self._end
        for at, link, frame in frames:
            count += 1
            if not begin:
                begin = self._begin = at
            if not count % SWEEP_FRAMES:
                self._sweep(at)
            offset = 14 if link == ip.ETHERNET else ip.LINK_HEADER.get(link, -1)
            if (
                offset >= 0
                and len(frame) >= offset + 40
                and frame[offset] == 0x45
                and frame[offset + 9] == ip.UDP
                and not (frame[offset + 6] & 0x3F or frame[offset + 7])
                and (offset != 14 or frame[12:14] == _ETHERNET_IPV4)
                and len(frame) >= (end := offset + 20 + (frame[offset + 24] << 8 | frame[offset + 25]))
            ):
                start = offset + 28
                if frame[start] >> 6 == 2 and not 192 <= frame[start + 1] <= 223:
                    name = frame[offset + 12 : offset + 24] + frame[start + 8 : start + 12]
                    stream = streams.get(name)
                    if stream is None:
                        self._candidate(at, name, frame[start:end])
                    elif name in self._ssrc_keys:
                        self._hidden(at, name, stream, frame[start:end])
                    else:
                        stream.pending.append((at, frame[start:end]))
                        if len(stream.pending) >= BATCH:
                            self._flush(name, stream)
                    continue
            packet = self._ip.read(link, frame)
            if packet is None:
                self._counts["other"] += 1
            elif packet.protocol == ip.UDP:
                self._datagram(at, packet)
            else:
                self._segment(at, packet)
        self._end = max(self._end, at)
        self._counts["frames"] += count

    def finish(self) -> Observation:
        """Everything is read."""
        for name in [name for name in self._candidates if self.signalling.announced(ends_of(name)[1])]:
            for at, packet in self._candidates.pop(name):  # SDP came after the media
                if name not in self._streams:
                    self._stream(at, name)
                self._packet(at, name, packet)
        for message in self._connections.drain():
            self.signalling.feed(*message)
        for name, stream in list(self._streams.items()):
            self._finished(self._split(name, stream))
        signalling = self.signalling
        self._counts.update(self._connections.counts)
        self._counts.update(self._ip.unread)
        self._counts["fragments_incomplete"] = self._ip.incomplete
        self._counts["sip_messages"] = signalling.messages
        self._counts["sip_not_kept"] = signalling.not_kept
        self._counts["keys_unreadable"] = signalling.unreadable_keys
        self._counts["dtls_offers"] = signalling.dtls_offers
        return Observation(signalling, tuple(self._done), dict(self._counts), self._begin, self._end)

    # -- RTP ---------------------------------------------------------------------------------------------------

    def _packet(self, at: float, name: bytes, packet: bytes) -> None:
        stream = self._streams.get(name)
        if stream is None:
            self._candidate(at, name, packet)
        elif name in self._ssrc_keys:
            self._hidden(at, name, stream, packet)
        elif stream.add(at, packet):
            self._flush(name, stream)

    def _candidate(self, at: float, name: bytes, packet: bytes) -> None:
        """What looks like RTP once may be anything: it becomes a stream when more of it comes, or when SDP announced it."""
        if len(packet) > LONGEST_CANDIDATE:
            return
        first = self._candidates.setdefault(name, [])
        first.append((at, packet))
        if len(first) < FEW and not self.signalling.announced(ends_of(name)[1]):
            if len(self._candidates) > MOST_CANDIDATES:
                del self._candidates[next(iter(self._candidates))]
            return
        del self._candidates[name]
        self._stream(first[0][0], name)
        for each in first:
            self._packet(each[0], name, each[1])

    def _stream(self, at: float, name: bytes) -> RtpStream:
        source, destination = ends_of(name)
        if len(self._streams) >= MOST_STREAMS:
            self._sweep(at, idle=0.0)
        ssrc = int.from_bytes(name[-4:], "big")
        stream = self._streams[name] = RtpStream(source, destination, ssrc, at, self.signalling.codec_of)
        if self.signalling.encrypted(source, destination):
            self._ssrc_keys[name] = self._keys_of(source, destination)
        return stream

    def _keys_of(self, source: str, destination: str) -> StreamKeys:
        return StreamKeys(lambda: self.signalling.keys_at(source, destination), self.signalling.recent_keys)

    def _cut(self, at: float, name: bytes, packet: bytes) -> None:
        """A packet of which the capture kept the beginning: it is counted, and nothing else is known of it."""
        stream = self._streams.get(name)
        if stream is None and self.signalling.announced(ends_of(name)[1]):
            stream = self._stream(at, name)
        if stream is None:
            self._candidate(at, name, packet)
        elif stream.add_cut(at, packet):
            self._flush(name, stream)

    def _hidden(self, at: float, name: bytes, stream: RtpStream, packet: bytes) -> None:
        clear = self._ssrc_keys[name].open(packet) if self._keys else None
        if (clear is None) != stream.hidden:
            stream.flush(final=True)
            stream.hidden = clear is None
        if stream.add(at, clear if clear is not None else packet):
            self._flush(name, stream)

    def _flush(self, name: bytes, stream: RtpStream) -> None:
        """Looks at a batch, and whether SDP that came later says something else about the stream."""
        stream = self._split(name, stream)
        stream.flush()
        says = self.signalling.encrypted(stream.source, stream.destination)
        if says and name not in self._ssrc_keys:
            self._ssrc_keys[name] = self._keys_of(stream.source, stream.destination)
        elif says is False and name in self._ssrc_keys:
            del self._ssrc_keys[name]
            stream.hidden = False

    def _split(self, name: bytes, stream: RtpStream) -> RtpStream:
        """After a long pause the same numbers are another stream: test tools use theirs again in the next call."""
        while True:
            last, pending = stream.end, stream.pending
            cut = 0
            for place, (at, _) in enumerate(pending):
                if at - last > PAUSE_S and (place or stream.packets):
                    cut = place
                    break
                last = at
            else:
                return stream
            rest = pending[cut:]
            del pending[cut:]
            self._finished(stream)
            stream = self._stream(rest[0][0], name)
            stream.pending = rest

    def _expected(self, stream: RtpStream) -> bool:
        return self.signalling.announced(stream.destination)

    def _finished(self, stream: RtpStream) -> None:
        """Nothing more will come: what was no RTP is forgotten, the rest made small."""
        stream.flush(final=True)
        if stream.likely or self._expected(stream):
            self._samples += sum(map(len, stream.sample))
            stream.close(keep_sample=self._samples <= MOST_SAMPLES)
            self._done.append(stream)

    def _sweep(self, now: float, idle: float = IDLE_S) -> None:
        """Streams that have ended give back their memory; when much is waiting, all of it is looked at."""
        waiting = sum(len(stream.pending) for stream in self._streams.values())
        for name, stream in list(self._streams.items()):
            last = stream.pending[-1][0] if stream.pending else stream.end
            if now - last >= idle:
                self._finished(self._split(name, stream))
                del self._streams[name]
                self._ssrc_keys.pop(name, None)
            elif waiting > MOST_PENDING:
                self._flush(name, stream)

    # -- everything else ---------------------------------------------------------------------------------------

    def _datagram(self, at: float, packet: ip.Packet) -> None:
        data = packet.payload
        kind = kind_of(data)
        if kind is Kind.SIP:
            self.signalling.feed(at, packet.source, packet.destination, data)
        elif kind is Kind.RTP:
            name = name_of(packet.source, packet.destination, data)
            if packet.cut:
                self._cut(at, name, data)
            else:
                self._packet(at, name, data)
        else:
            self._counts[kind] += 1

    def _segment(self, at: float, packet: ip.Packet) -> None:
        for message in self._connections.feed(at, packet):
            self.signalling.feed(*message)
