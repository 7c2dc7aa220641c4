"""``spiroct node``: run a PACS node, ask for its state, answer what it asks."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spiroct.cli import options

if TYPE_CHECKING:
    from spiroct.server.node_settings import NodeSettings

Config = Annotated[Path | None, typer.Option("--config", help="TOML file of the node.", show_default=False)]

app = typer.Typer(
    help="A PACS node: studies come by C-STORE or DICOMweb, results go back.",
    invoke_without_command=True,
    rich_markup_mode=None,
    no_args_is_help=False,
)


@app.callback()
def node(*, context: typer.Context, config: Config = None) -> None:
    """Run a node until it is stopped: receive studies, predict their chest CT, send results back."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    settings = _settings(config)
    from spiroct.server.node import Node

    running = Node(settings)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: running.stop())
    typer.echo(f"The node works in {settings.folder}. Ctrl-C stops it.")
    if running.receiver is not None:
        typer.echo(f"{settings.ae_title} listens on {settings.host}:{running.receiver.port}.")
    running.run()


@app.command("status")
def status(*, context: typer.Context, config: Config = None, as_json: options.AsJson = False) -> None:
    """Tell how many studies are in which state, what is asked and what failed."""
    from spiroct.documents import to_json
    from spiroct.server.queue import StudyQueue, StudyState

    studies = StudyQueue(_settings(config or context.obj).folder).studies()
    counts = Counter(study.state for study in studies)
    if as_json:
        rows = [{**vars(study), "asked": list(study.asked)} for study in studies]
        typer.echo(to_json({"schema": "spiroct.node", "schema_version": 1, "studies": rows}), nl=False)
        return
    from spiroct.reporting.wording import printable

    typer.echo(", ".join(f"{counts[state]} {state}" for state in StudyState))
    for study in studies:
        if study.state is StudyState.ASKING:
            typer.echo(f"{study.study_uid} asks for {', '.join(study.asked)}")
        elif study.reason:
            typer.echo(f"{study.study_uid} {study.state}: {printable(study.reason)}")


@app.command("answer")
def answer(
    *,
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="StudyInstanceUID, as 'node status' tells it.", show_default=False)],
    config: Config = None,
    sex: options.SexOption = None,
    age: options.AgeOption = None,
    height: options.HeightOption = None,
) -> None:
    """Tell a node the height, sex or age that it asks for."""
    from spiroct.server.queue import StudyQueue

    queue = StudyQueue(_settings(config or context.obj).folder)
    found = queue.answer(study, sex=sex, age=age, height=height)
    asked = f", still asks for {', '.join(found.asked)}" if found.asked else ""
    typer.echo(f"{found.study_uid} {found.state}{asked}")


def _settings(config: Path | None) -> NodeSettings:
    from spiroct.errors import UsageError
    from spiroct.optional import require

    if config is None:
        rule = "a node is told in a TOML file who may send"
        raise UsageError("a node without --config", rule, "add --config FILE.toml")
    for module in ("highdicom", "pynetdicom", "dicomweb_client"):
        require(module, extra="dicom", feature="a PACS node")
    from spiroct.server.node_settings import read_settings

    return read_settings(config)
