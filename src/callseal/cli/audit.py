"""`callseal audit`: what the agent's side could hear, and the signed verdict on it."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from callseal.audit import libraries
from callseal.cli.audit_bar import Bar
from callseal.cli.audit_mask import mask

CLEAN, DIGITS, NO_EVIDENCE = 0, 3, 4
"""Exit codes; 1 is an error told on standard error, 2 a wrong command line."""
_STYLES = {"clean": "bold green", "digits": "bold red", "no_evidence": "bold yellow"}
_FROM_FILES = "files"


class AuditGroup(TyperGroup):
    """`callseal audit CAPTURE...` is `callseal audit files CAPTURE...`; a capture with the name of a verb is given as ./verify."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [_FROM_FILES, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=AuditGroup,
    no_args_is_help=True,
    help="Did a digit reach the agent's side? callseal audit CAPTURE... (its options: callseal audit files --help)",
)

Agent = Annotated[
    str,
    typer.Option(
        "--agent", metavar="ADDRESS", help="IP address of the agent's side, when SIP does not tell."
    ),
]
Window = Annotated[
    list[str] | None,
    typer.Option(
        "--window",
        metavar="FROM..TO",
        help="When the line was secured: Unix seconds, ISO 8601, or +seconds from the first frame. May be repeated.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Add the verdicts to this folder and its chain.")
]
Sign = Annotated[
    Path | None, typer.Option("--sign", metavar="KEY", help="Sign with this Ed25519 private key (PEM).")
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write one HTML page to look at.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON, one a line.")]


@app.command(_FROM_FILES)
def files(  # noqa: PLR0917 - each is an option of the command line
    captures: Annotated[
        list[Path], typer.Argument(metavar="CAPTURE...", help="pcap or pcapng, also with gzip.")
    ],
    keys: Annotated[
        str,
        typer.Option(
            "--keys", metavar="allow|deny", help="May SRTP be opened with SDES keys of the signalling?"
        ),
    ] = "deny",
    agent: Agent = "",
    call: Annotated[
        str, typer.Option("--call", metavar="ID", help="Only this call: its reference or a Call-ID.")
    ] = "",
    window: Window = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="FILE", help="Windows from a call's record (callseal record --json)."
        ),
    ] = None,
    deployment: Annotated[
        Path | None,
        typer.Option("--deployment", metavar="FILE", help="Deployment file, to be hashed into the verdict."),
    ] = None,
    out: Out = None,
    report: Report = None,
    sign: Sign = None,
    as_json: AsJson = False,
) -> None:
    """Audit captures: one verdict a call. Digits are counted and never shown.

    Status 0: clean, 3: digits reached the agent's side, 4: no evidence, 1: nothing could be judged.
    """
    audit = _library()
    if keys not in ("allow", "deny"):
        raise typer.BadParameter("allow or deny", param_hint="--keys")
    stretches, relative = _stretches(window or [])
    options = audit.Options(
        keys=keys == "allow",
        agent=agent,
        call=call,
        stretches=stretches,
        relative=relative,
        record=_read_json(record) if record else None,
        deployment=_read(deployment) if deployment else None,
    )
    with ExitStack() as stack:
        named = [audit.open_file(path) for path in captures]
        for one in named:
            stack.callback(one.source.close)
        bar = stack.enter_context(Bar(sum(path.stat().st_size for path in captures)))
        found = audit.audit(named, options, made_at=int(time.time()), progress=bar.more, judged=bar.judged)
    raise typer.Exit(_tell(found, out, report, sign, as_json=as_json))


@app.command()
def live(  # noqa: PLR0917 - each is an option of the command line
    agent: Annotated[
        str, typer.Option("--agent", metavar="ADDRESS", help="IPv4 or IPv6 address of the agent's side.")
    ],
    interface: Annotated[
        str, typer.Option("--interface", metavar="NAME", help="Device to listen on.")
    ] = "lo",
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="N", help="How long; without it, until Ctrl-C.")
    ] = None,
    out: Out = None,
    report: Report = None,
    sign: Sign = None,
    as_json: AsJson = False,
) -> None:
    """Listen to what goes to the agent's side, in memory, and judge it. Needs root. Nothing but the verdict is written.

    The customer's leg is not looked at. Status as for captures.
    """
    try:
        ip_address(agent)
    except ValueError:
        raise typer.BadParameter(f"{agent!r} is not an IP address", param_hint="--agent") from None
    library = _library()
    from callseal.audit.live import listen  # noqa: PLC0415

    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda *_: asked.append(1))
    try:
        found = listen(
            agent,
            interface,
            seconds,
            library.Options(),
            stopped=lambda: bool(asked),
            ready=lambda: typer.echo(f"listening to what goes to {agent}", err=True),
        )
    finally:
        signal.signal(signal.SIGINT, before)
    raise typer.Exit(_tell(found, out, report, sign, as_json=as_json))


@app.command()
def verify(
    verdicts: Annotated[
        list[Path],
        typer.Argument(metavar="VERDICT...", help="A folder of verdicts, or all files in their order."),
    ],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="The Ed25519 key (PEM) that must have signed; its public half is enough.",
        ),
    ] = None,
) -> None:
    """Verify verdicts, offline: signatures, the chain, and that none is missing. Status 0 or 1."""
    from callseal.audit import seal  # noqa: PLC0415 - the other verbs do not need it

    pinned = seal.load_public(key) if key else ""
    checked = seal.check_paths(verdicts, pinned=pinned)
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{checked.count} verdicts hold, last {checked.last[:16]}", "bold green"))
    if not checked.signer:
        console.print(Text("they are not signed: whoever wrote them could write others", "bold yellow"))
    elif key is None:
        console.print(f"signed by {checked.signer}; --key FILE makes sure whose key that is")
    if not checked.closed:
        console.print("files were given: whether later verdicts exist cannot be seen; give the folder")


app.command("mask")(mask)


@app.command("key")
def new_key(path: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Make a signing key (Ed25519, PEM), readable by its owner only. An existing file is not touched."""
    from callseal.audit import seal  # noqa: PLC0415

    try:
        path.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise seal.SealError(
            f"{path}: {error.strerror}", advice="Name a file that is not there yet."
        ) from None
    path.write_bytes(seal.new_key())
    typer.echo(f"{path}: public key {seal.load_public(path)}")


def _library() -> Any:
    """The audit, loaded when it is wanted: with its decoders it is large. Raises `MissingExtraError`."""
    libraries.load()
    from callseal.audit import command  # noqa: PLC0415

    return command


def _tell(
    found: list[Any], out: Path | None, report: Path | None, sign: Path | None, *, as_json: bool
) -> int:
    from callseal.audit import command  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    kept, results = [], set()
    for verdict in command.sealing(found, out, sign):
        results.add(verdict["result"]["verdict"])
        if report:
            kept.append(verdict)
        if as_json:
            typer.echo(json.dumps(verdict, sort_keys=True, ensure_ascii=False))
        else:
            lines = command.as_text(verdict)
            console.print(Text(lines[0], _STYLES[verdict["result"]["verdict"]]))
            for line in lines[1:]:
                console.print(Text(line))
    if report:
        command.write_report(report, found, kept)
        if not as_json:
            console.print(f"report {report.resolve().as_uri()}")
    return DIGITS if "digits" in results else NO_EVIDENCE if "no_evidence" in results else CLEAN


def _stretches(texts: list[str]) -> tuple[tuple[tuple[float, float], ...], bool]:
    """(windows, whether they count from the first frame)."""
    found, relative = [], set()
    for text in texts:
        begin, dots, end = text.partition("..")
        try:
            if not dots:
                raise ValueError(text)  # noqa: TRY301
            pair = (_moment(begin), _moment(end))
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not FROM..TO", param_hint="--window") from None
        if pair[1] <= pair[0]:
            raise typer.BadParameter(f"{text!r} ends before it begins", param_hint="--window")
        relative |= {begin.startswith("+"), end.startswith("+")}
        found.append(pair)
    if len(relative) > 1:
        raise typer.BadParameter("all of one kind, with or without +", param_hint="--window")
    return tuple(found), True in relative


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read(path))
    except ValueError:
        raise typer.BadParameter(f"{path} is not JSON", param_hint="--record") from None
    return value if isinstance(value, dict) else {}
