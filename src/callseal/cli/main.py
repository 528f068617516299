"""The command line. One file a verb, no logic; `verbs` lists them, and this one turns errors into words."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated

import typer

from callseal import __version__
from callseal.cli.verbs import Verbs
from callseal.observe.errors import Error

DEBUG = "CALLSEAL_DEBUG"
_ADVICE = {
    errno.EACCES: "Run this as root, or as the owner of the file.",
    errno.EPERM: "Run this as root.",
    errno.ENOSPC: "Make room on that disk.",
    errno.EROFS: "Name a place that can be written.",
}
BUG_STATUS = 70  # EX_SOFTWARE of sysexits(3)
INTERRUPTED_STATUS = 130  # 128 + SIGINT

app = typer.Typer(
    name="callseal",
    cls=Verbs,
    help="Card payments on live phone calls: the digits go to the PCI partner and nowhere else.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"callseal {__version__}")
        raise typer.Exit


@app.callback()
def callseal(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Card payments on live phone calls: the digits go to the PCI partner and nowhere else."""


def run() -> None:
    """Entry point of `callseal`. Every error ends as a sentence and a status; a traceback only with CALLSEAL_DEBUG=1."""
    try:
        app()
    except Error as error:
        _say(error.diagnostics())
        sys.exit(error.status)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_STATUS)
    except BrokenPipeError:
        # The reader (head, less) has gone; nothing more can be said there, not even by the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        if isinstance(error, OSError) and error.errno is not None:
            _say(_of_the_system(error))
            sys.exit(1)
        # The text of a foreign exception may hold anything: only its name is told.
        _say(f"This is a bug in Callseal ({type(error).__name__}).\n{DEBUG}=1 shows where; please report it.")
        sys.exit(BUG_STATUS)


def _of_the_system(error: OSError) -> str:
    """What the system refused, and of which file: a full disk or a missing folder is nobody's bug."""
    names = dict.fromkeys(str(name) for name in (error.filename, error.filename2) if name is not None)
    what = f"{' -> '.join(names)}: " if names else ""
    advice = _ADVICE.get(error.errno or 0)
    return f"{what}{error.strerror}" + (f"\n{advice}" if advice else "")


def _say(text: str) -> None:
    typer.echo(text, err=True)


if __name__ == "__main__":
    run()
