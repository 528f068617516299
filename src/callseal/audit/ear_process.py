"""An ear as a process of its own: `python -m callseal.audit.ear_process ADDRESS`.

It takes one JSON object a line on standard input (`{"do": "mark", "name": ...}`, `{"do": "heard", "since": ..., "until": ...}`,
`{"do": "quit"}`) and answers with counts.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TextIO

from callseal.audit.ear import Ear
from callseal.audit.ear_listener import listen
from callseal.audit.tap import TapError


def serve(ear: Ear, commands: TextIO, answers: TextIO) -> None:
    """Answers commands until `quit` or the end of input."""
    for line in commands:
        try:
            command = json.loads(line)
            match command["do"]:
                case "mark":
                    ear.mark(str(command["name"]))
                    answer: dict[str, object] = {"marked": command["name"]}
                case "heard":
                    answer = ear.heard(command.get("since"), command.get("until")).as_dict()
                case "quit":
                    return
                case _:
                    answer = {"error": "unknown command"}
        except (ValueError, KeyError, TypeError) as error:
            answer = {"error": f"{type(error).__name__}: not understood"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m callseal.audit.ear_process", description=__doc__.split("\n")[0]
    )
    parser.add_argument("address", help="address of the phone to listen beside")
    parser.add_argument("--interface", default="lo")
    arguments = parser.parse_args()
    try:
        with listen(arguments.address, interface=arguments.interface) as ear:
            print("ready", file=sys.stderr, flush=True)  # noqa: T201
            serve(ear, sys.stdin, sys.stdout)
    except TapError as error:
        print(error.diagnostics(), file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
