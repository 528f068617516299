"""SIP messages as far as a bench looks into them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SipMessage:
    """A message in parts. `start` is the first line, header names are lower case."""

    start: str
    headers: list[tuple[str, str]]
    body: str
    origin: object = None
    """Where it came from: what a reply is sent with."""

    @classmethod
    def parse(cls, data: bytes, origin: object = None) -> SipMessage:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        fields = [line.partition(":") for line in lines]
        headers = [(name.strip().lower(), value.strip()) for name, _, value in fields]
        return cls(start, headers, body, origin)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of the request, or of the CSeq."""
        return self.get("cseq").split(" ")[-1]

    @property
    def cseq(self) -> int:
        return int(self.get("cseq").split(" ")[0])

    @property
    def in_dialog(self) -> bool:
        return ";tag=" in self.get("to")


def uri_of(value: str) -> str:
    """The URI of a Contact or From value."""
    return value.partition("<")[2].partition(">")[0] if "<" in value else value.partition(";")[0]
