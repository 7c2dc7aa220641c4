"""``spiroct doctor``."""

from __future__ import annotations

import typer

from spiroct.cli import options


def doctor(*, as_json: options.AsJson = False) -> None:
    """Say what this machine can do: versions, cores, memory, extras, checkpoints."""
    from spiroct.documents import to_json
    from spiroct.workflows.doctor import doctor as run

    result = run()
    typer.echo(to_json(result.to_document()).rstrip("\n") if as_json else result.to_table())
