"""Frames in, streams and dialogs out: what a capture holds, in one pass and flat memory."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from callseal.audit.key_ring import StreamKeys
from callseal.audit.rtp_stream import BATCH, FEW, RtpStream
from callseal.audit.signalling import Signalling
from callseal.wire import ip
from callseal.wire.pcap_stream import Frame
from callseal.wire.sip import SipStream, looks_like_sip

MOST_STREAMS = 50_000
MOST_CANDIDATES = 4_096
MOST_CONNECTIONS = 5_000
SWEEP_FRAMES = 100_000
IDLE_S = 30.0
PAUSE_S = 5.0
_ETHERNET_IPV4 = b"\x08\x00"
_DTLS = (b"\xfe\xff", b"\xfe\xfd")


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
        self._connections: dict[tuple[str, str], SipStream] = {}
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
            ):
                start = offset + 28
                if frame[start] >> 6 == 2 and not 192 <= frame[start + 1] <= 223:
                    name = frame[offset + 12 : offset + 24] + frame[start + 8 : start + 12]
                    stream = streams.get(name)
                    end = offset + 20 + (frame[offset + 24] << 8 | frame[offset + 25])
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
        for name in [name for name in self._candidates if self.signalling.announced(_ends(name)[1])]:
            for at, packet in self._candidates.pop(name):  # SDP came after the media
                if name not in self._streams:
                    self._stream(at, name)
                self._packet(at, name, packet)
        for name, stream in list(self._streams.items()):
            self._split(name, stream).flush(final=True)
        found = [*self._done, *self._streams.values()]
        kept = tuple(one for one in found if one.likely or self._expected(one))
        self._counts["fragments_incomplete"] = self._ip.incomplete
        self._counts["tls_connections"] = sum(one.encrypted for one in self._connections.values())
        self._counts["sip_gaps"] = sum(one.lost for one in self._connections.values())
        self._counts["sip_messages"] = self.signalling.messages
        return Observation(self.signalling, kept, dict(self._counts), self._begin, self._end)

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
        first = self._candidates.setdefault(name, [])
        first.append((at, packet))
        if len(first) < FEW and not self.signalling.announced(_ends(name)[1]):
            if len(self._candidates) > MOST_CANDIDATES:
                del self._candidates[next(iter(self._candidates))]
            return
        del self._candidates[name]
        self._stream(first[0][0], name)
        for each in first:
            self._packet(each[0], name, each[1])

    def _stream(self, at: float, name: bytes) -> RtpStream:
        source, destination = _ends(name)
        if len(self._streams) >= MOST_STREAMS:
            self._sweep(at, idle=0.0)
        ssrc = int.from_bytes(name[-4:], "big")
        stream = self._streams[name] = RtpStream(source, destination, ssrc, at, self.signalling.codec_of)
        if self.signalling.encrypted(source, destination):
            self._ssrc_keys[name] = StreamKeys(self.signalling.keys, lambda: self.signalling.new_keys)
        return stream

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
            self._ssrc_keys[name] = StreamKeys(self.signalling.keys, lambda: self.signalling.new_keys)
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
            stream.flush(final=True)
            if stream.likely or self._expected(stream):
                self._done.append(stream)
            stream = self._stream(rest[0][0], name)
            stream.pending = rest

    def _expected(self, stream: RtpStream) -> bool:
        return self.signalling.announced(stream.destination)

    def _sweep(self, now: float, idle: float = IDLE_S) -> None:
        """Streams that have ended give back their memory; what was no RTP is forgotten."""
        for name, stream in list(self._streams.items()):
            last = stream.pending[-1][0] if stream.pending else stream.end
            if now - last < idle:
                continue
            youngest = self._split(name, stream)
            youngest.flush(final=True)
            del self._streams[name]
            self._ssrc_keys.pop(name, None)
            if youngest.likely or self._expected(youngest):
                self._done.append(youngest)

    # -- everything else ---------------------------------------------------------------------------------------

    def _datagram(self, at: float, packet: ip.Packet) -> None:
        data = packet.payload
        if len(data) < 4:
            return
        first = data[0]
        if looks_like_sip(data):
            self.signalling.feed(at, packet.source, packet.destination, data)
        elif first >> 6 == 2 and 192 <= data[1] <= 223:
            self._counts["rtcp"] += 1
        elif first >> 6 == 2 and len(data) >= 12:
            name = _raw(packet.source, packet.destination) + data[8:12]
            self._packet(at, name, data)
        elif 20 <= first <= 25 and data[1:3] in _DTLS:
            self._counts["dtls"] += 1
        else:
            self._counts["other"] += 1

    def _segment(self, at: float, packet: ip.Packet) -> None:
        name = (packet.source, packet.destination)
        connection = self._connections.get(name)
        if connection is None:
            if not packet.payload and not packet.opens:
                return
            if len(self._connections) >= MOST_CONNECTIONS:
                del self._connections[next(iter(self._connections))]
            connection = self._connections[name] = SipStream()
        for message in connection.feed(packet.sequence, packet.payload, opens=packet.opens):
            self.signalling.feed(at, packet.source, packet.destination, message)


def _ends(name: bytes) -> tuple[str, str]:
    """Source and destination of a stream, from the octets by which it is known."""
    size = 16 if len(name) > 16 else 4
    ports = name[2 * size : 2 * size + 4]
    source = ip.endpoint(name[:size], int.from_bytes(ports[:2], "big"))
    return source, ip.endpoint(name[size : 2 * size], int.from_bytes(ports[2:], "big"))


def _raw(source: str, destination: str) -> bytes:
    """The octets by which a stream is known: both addresses, both ports."""
    parts = []
    for where in (source, destination):
        address, _, port = where.rpartition(":")
        family = socket.AF_INET6 if address.startswith("[") else socket.AF_INET
        parts.append((socket.inet_pton(family, address.strip("[]")), int(port).to_bytes(2, "big")))
    return parts[0][0] + parts[1][0] + parts[0][1] + parts[1][1]
