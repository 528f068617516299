"""Session descriptions (RFC 8866), as much as is needed: lines are kept as they came, questions are answered from them.

`str(SessionDescription.parse(text))` gives `text` back with CRLF line ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` section: its own lines, `m=` included, and the session's `c=` address and direction as fallback."""

    lines: tuple[tuple[str, str], ...]
    session_address: str = ""
    session_direction: str = "sendrecv"

    @property
    def kind(self) -> str:
        return self.lines[0][1].split(" ")[0]

    @property
    def port(self) -> int:
        """0 = refused (RFC 3264 section 6)."""
        return int(self.lines[0][1].split(" ")[1].partition("/")[0])

    @property
    def protocol(self) -> str:
        return self.lines[0][1].split(" ")[2]

    @property
    def formats(self) -> tuple[str, ...]:
        return tuple(self.lines[0][1].split(" ")[3:])

    @property
    def address(self) -> str:
        """Connection address of the section, else of the session."""
        return next((_address(value) for kind, value in self.lines if kind == "c"), self.session_address)

    @property
    def direction(self) -> str:
        return next(
            (value for kind, value in self.lines if kind == "a" and value in DIRECTIONS),
            self.session_direction,
        )

    @property
    def held(self) -> bool:
        """On hold, the new way (RFC 3264 section 8.4) or the old (`c=` 0.0.0.0)."""
        return self.direction in ("sendonly", "inactive") or self.address == "0.0.0.0"  # noqa: S104

    @property
    def codecs(self) -> dict[int, str]:
        """Payload type -> `name/rate` from `rtpmap`, in the order of the offer; static types without one are left out."""
        found = {}
        for value in self.attributes("rtpmap"):
            payload_type, _, name = value.partition(" ")
            if payload_type.isdigit():
                found[int(payload_type)] = name.strip()
        return {int(kind): found[int(kind)] for kind in self.formats if kind.isdigit() and int(kind) in found}

    def attributes(self, name: str) -> tuple[str, ...]:
        """Values of every `a=name:value`; "" for a bare `a=name`."""
        parts = (value.partition(":") for kind, value in self.lines if kind == "a")
        return tuple(rest for key, _, rest in parts if key == name)

    def moved(self, address: str, port: int) -> Media:
        """The same section with another address and port."""
        first = self.lines[0][1].split(" ")
        first[1] = str(port)
        lines = [("m", " ".join(first))]
        connection = ("c", f"IN {'IP6' if ':' in address else 'IP4'} {address}")
        rest = [line for line in self.lines[1:] if line[0] != "c"]
        # i= comes before c= (RFC 8866 section 9).
        titles = [line for line in rest if line[0] == "i"]
        return replace(self, lines=(*lines, *titles, connection, *(line for line in rest if line[0] != "i")))


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """Session lines and media sections."""

    lines: tuple[tuple[str, str], ...]
    media: tuple[Media, ...] = ()

    @classmethod
    def parse(cls, text: str | bytes) -> SessionDescription:
        """Reads a description. Raises `ValueError`."""
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        session: list[tuple[str, str]] = []
        sections: list[list[tuple[str, str]]] = []
        for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n"):
            kind, equals, value = line.partition("=")
            if len(kind) != 1 or not equals:
                raise ValueError("SDP line is not of the form x=value")
            if kind == "o":
                _check_origin(value)
            elif kind == "c":
                _address(value)
            elif kind == "m":
                _check_media(value)
                sections.append([])
            (sections[-1] if sections else session).append((kind, value))
        if [kind for kind, _ in session[:2]] != ["v", "o"]:
            raise ValueError("SDP must begin with v= and o=")
        address = next((_address(value) for kind, value in session if kind == "c"), "")
        direction = next(
            (value for kind, value in session if kind == "a" and value in DIRECTIONS), "sendrecv"
        )
        return cls(tuple(session), tuple(Media(tuple(section), address, direction) for section in sections))

    @property
    def version(self) -> int:
        """Version of the session, from `o=`; it rises with every change (RFC 3264 section 8)."""
        return int(next(value for kind, value in self.lines if kind == "o").split(" ")[2])

    @property
    def audio(self) -> Media | None:
        """The first audio section that is not refused."""
        return next((media for media in self.media if media.kind == "audio" and media.port), None)

    def __str__(self) -> str:
        every = [*self.lines, *(line for media in self.media for line in media.lines)]
        return "".join(f"{kind}={value}\r\n" for kind, value in every)

    def __bytes__(self) -> bytes:
        return str(self).encode()


def _address(connection: str) -> str:
    """`IN IP4 192.0.2.7/127` -> `192.0.2.7`."""
    parts = connection.split(" ")
    if len(parts) != 3:
        raise ValueError("SDP c= line is not of the form IN IP4 address")
    return parts[2].partition("/")[0]


def _check_origin(value: str) -> None:
    parts = value.split(" ")
    if len(parts) != 6 or not parts[2].isdigit():
        raise ValueError("SDP o= line is not of the form user id version IN IP4 address")


def _check_media(value: str) -> None:
    parts = value.split(" ")
    if len(parts) < 4 or not parts[1].partition("/")[0].isdigit():
        raise ValueError("SDP m= line is not of the form kind port protocol formats")
