"""`callseal audit`: what the agent's side could hear, and the signed verdict on it."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from callseal.audit import libraries
from callseal.cli.audit_bar import audit_files
from callseal.cli.audit_mask import mask
from callseal.cli.audit_options import (
    Agent,
    AsJson,
    Keys,
    Out,
    Report,
    Sign,
    Window,
    address,
    allowed,
    read_bytes,
    read_json,
    stretches,
)
from callseal.cli.audit_telling import tell

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


@app.command(_FROM_FILES)
def files(  # noqa: PLR0917 - each is an option of the command line
    captures: Annotated[
        list[Path], typer.Argument(metavar="CAPTURE...", help="pcap or pcapng, also with gzip.")
    ],
    keys: Keys = "deny",
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
    windows, relative = stretches(window or [])
    options = audit.Options(
        keys=allowed(keys),
        agent=address(agent) if agent else "",
        call=call,
        stretches=windows,
        relative=relative,
        record=read_json(record) if record else None,
        deployment=read_bytes(deployment) if deployment else None,
    )
    found = audit_files(captures, options, made_at=int(time.time()))
    raise typer.Exit(tell(found, out, report, sign, as_json=as_json))


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
    agent = address(agent)
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
    raise typer.Exit(tell(found, out, report, sign, as_json=as_json))


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
    """Verify verdicts: signatures, chain, none missing. Offline; status 0 or 1."""
    from callseal.audit import seal  # noqa: PLC0415 - the other verbs do not need it

    pinned = seal.load_public(key) if key else ""
    checked = seal.check_paths(verdicts, pinned=pinned)
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        Text(
            f"{checked.count} verdict{' holds' if checked.count == 1 else 's hold'}, last {checked.last[:16]}",
            "bold green",
        )
    )
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
