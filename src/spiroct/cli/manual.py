"""The command-line reference as Markdown, from the commands themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from spiroct.cli import verbs
from spiroct.cli.main import app

EXIT_CODES = """## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | a bug: one line and the path of a log; a traceback with `--debug` |
| 2 | bad input, usage, or a refusal: one sentence with what was found, the rule, and the way out |
| 3 | finished, but some scans failed |
| 130 | interrupted |

Results go to stdout, everything else to stderr.
"""


def manual() -> str:
    """Write every command's help, as `spiroct COMMAND --help` prints it."""
    verbs.register(app)
    parts = ["# Command line", "Generated from the commands' own help by `make manual`.", EXIT_CODES]
    parts += [f"## {title}\n\n```text\n{text}\n```" for title, text in _helps(typer.main.get_command(app), "spiroct")]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def main() -> None:
    """Write the manual to the file named on the command line."""
    Path(sys.argv[1]).write_text(manual(), encoding="utf-8")


def _helps(command: Any, name: str) -> list[tuple[str, str]]:
    context = command.make_context(name, [], resilient_parsing=True)
    context.max_content_width = context.terminal_width = 100
    found = [(name, command.get_help(context).strip())]
    for child, sub in getattr(command, "commands", {}).items():
        found += _helps(sub, f"{name} {child}")
    return found


if __name__ == "__main__":
    main()
