"""`python -m bench.card_stream URL`: the agent's event stream, read by a process of its own, as an agent's browser is one.

In the generator's loop an event would wait for whatever that has to do for hundreds of calls, and this would be measured as the desk's
delay. Standard input's first line is the cookie of the login; each line of standard output is
`MONOTONIC_SECONDS REFERENCE STATE`, the time being that of the event's arrival. Ends with the stream.
"""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench.stream_events import call_of

PIECE = 65_536


def events(parts: Iterator[tuple[float, bytes]]) -> Iterator[tuple[float, str, str]]:
    """(arrived, reference, state) of every event about a call. `parts`: what came, and when."""
    rest = b""
    for at, part in parts:
        *whole, rest = (rest + part).split(b"\n\n")
        for call in filter(None, map(call_of, whole)):
            yield at, call["reference"], call["state"]


def parts(answer: http.client.HTTPResponse) -> Iterator[tuple[float, bytes]]:
    while part := answer.read1(PIECE):
        yield time.monotonic(), part


def main(argv: list[str]) -> int:
    where = urlsplit(argv[0])
    connection = http.client.HTTPConnection(where.hostname or "", where.port or 80)
    connection.request("GET", where.path, headers={"Cookie": sys.stdin.readline().strip()})
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        sys.stderr.write(f"the stream answered {answer.status}\n")
        return 1
    for at, reference, state in events(parts(answer)):
        sys.stdout.write(f"{at:.6f} {reference} {state}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
