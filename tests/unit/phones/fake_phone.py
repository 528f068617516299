"""Speaks a phone's JSON lines without any telephone: what the driver is tested against."""

from __future__ import annotations

import json
import sys
import time


def say(event: str, **details: object) -> None:
    print(json.dumps({"event": event, "at": 0, **details}), flush=True)  # noqa: T201


def main() -> int:
    if "broken" in sys.argv[-1]:
        sys.stderr.write("the address is taken\n")
        return 1
    say("ready")
    for line in sys.stdin:
        command = json.loads(line)
        match command["do"]:
            case "hold":
                say("error", id=command["id"], command="hold", reason="there is no call")
            case "mute":
                return 7
            case "unhold":
                time.sleep(60)
            case "press":
                say("done", id=command["id"], command="press")
                say("pressed", method=command["method"], count=len(command["digits"]))
            case _:
                say("answered", headers={}, call_id=str(command.get("to")))
                say("done", id=command["id"], command=command["do"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
