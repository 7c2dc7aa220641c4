"""``spiroct models``: the checkpoints that predict can use."""

from __future__ import annotations

from typing import Annotated

import typer

from spiroct.cli import options

app = typer.Typer(help="List the checkpoints that predict can use, or show one's card.")


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the checkpoints that predict can use, or show one's card."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models(*, as_json: options.AsJson = False) -> None:
    """List the packaged checkpoints."""
    from spiroct.checkpoints.catalogue import packaged
    from spiroct.documents import to_json

    names = packaged()
    typer.echo(
        to_json({"schema": "spiroct.models", "schema_version": 1, "models": names}) if as_json else "\n".join(names)
    )


@app.command("show")
def show_model(*, name: Annotated[str, typer.Argument(help="Name or folder of a checkpoint.")]) -> None:
    """Print the card of one checkpoint as JSON."""
    from spiroct.checkpoints.catalogue import find
    from spiroct.documents import to_json

    typer.echo(to_json(find(name).card), nl=False)
