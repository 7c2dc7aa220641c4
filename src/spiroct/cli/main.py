"""The command ``spiroct``: its verbs, its version, and how every command ends."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

from spiroct import __version__
from spiroct.errors import ExitCode, SpiroctError
from spiroct.log import logger, start_logging

app = typer.Typer(
    name="spiroct",
    help="Estimate lung function (DLCO, FEV1, FVC, TLC) from a chest CT. Research use, not a spirometer.",
    epilog="Any command takes --debug (a traceback when something breaks) and --quiet (errors only).",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

# Typer carries its own click since 0.20 or so; the public BadParameter leads to whichever one it uses.
_USAGE_ERRORS: type[Exception] = typer.BadParameter.__mro__[2]


@app.callback(invoke_without_command=True)
def root(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --version: as a JSON document.")] = False,
) -> None:
    """Print the version, or go on to the verb."""
    if version:
        document = {
            "schema": "spiroct.version",
            "schema_version": 1,
            "spiroct": __version__,
            "python": platform.python_version(),
        }
        typer.echo(json.dumps(document, indent=2, sort_keys=True) if as_json else f"spiroct {__version__}")
        raise typer.Exit(ExitCode.DONE)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with the contract's exit code.

    Parameters
    ----------
    arguments : list of str, optional
        What follows ``spiroct``; the process's own arguments by default.
    """
    # Many products of small matrices: threads of numpy's OpenBLAS wait for each other longer than they compute.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug, quiet = "--debug" in words, "--quiet" in words
    words = [w for w in words if w not in {"--debug", "--quiet"}]
    start_logging(verbose=debug, quiet=quiet)
    sys.exit(_run(words, debug=debug))


def _run(words: list[str], *, debug: bool) -> int:
    from spiroct.cli import verbs  # every verb registers itself on the app

    verbs.register(app)
    try:
        code = app(words, standalone_mode=False, prog_name="spiroct")
        if code == ExitCode.INTERRUPTED:  # typer takes Ctrl-C for itself and says nothing
            raise KeyboardInterrupt
    except SpiroctError as refusal:
        if debug:
            traceback.print_exc()
        logger.error("spiroct: %s", refusal)
        return ExitCode.REFUSED
    except (KeyboardInterrupt, typer.Abort):
        logger.error(
            "spiroct: interrupted; nothing half-written was left, and the same command starts again or goes on."
        )
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader of stdout went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except _USAGE_ERRORS as misuse:
        return _explain_misuse(misuse, words)
    except Exception as bug:  # noqa: BLE001 - the last door: a bug is reported, not swallowed
        return _report_bug(bug, debug=debug)
    return int(code or ExitCode.DONE)


def _explain_misuse(misuse: Exception, words: list[str]) -> int:
    message = misuse.format_message() if hasattr(misuse, "format_message") else str(misuse)
    if message.startswith("Usage:"):  # no arguments at all: the help is the answer
        typer.echo(message, err=True)
        return ExitCode.REFUSED
    message = message.removesuffix(".").replace("?.", "?")
    context = getattr(misuse, "ctx", None)
    command = context.command_path if context is not None else "spiroct"
    logger.error(
        "spiroct: %s Run '%s --help' for what there is.",
        message if message.endswith((".", "?")) else message + ".",
        command,
    )
    return ExitCode.REFUSED


def _report_bug(bug: Exception, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    handle, path = tempfile.mkstemp(prefix="spiroct-bug-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as log:
        log.write(f"spiroct {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        log.write("".join(traceback.format_exception(bug)))
    logger.error(
        "spiroct: this is a bug (%s: %s); the details are in %s, please report them.",
        type(bug).__name__,
        str(bug).splitlines()[0] if str(bug) else "no message",
        Path(path),
    )
    return ExitCode.BUG


if __name__ == "__main__":
    main()
