"""``spiroct serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options


def serve(
    *,
    model: options.ModelOption = None,
    host: Annotated[str, typer.Option("--host", help="Address to bind to; another one than loopback needs HTTPS.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8765,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="A further name under which the page may be asked for.", show_default=False),
    ] = None,
    certificate: Annotated[Path | None, typer.Option("--certificate", help="PEM file, for HTTPS.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="PEM file of the certificate's key.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Folder that keeps scans and results between starts; else they go with the server."
        ),
    ] = None,
    keep_hours: Annotated[float, typer.Option("--keep-hours", help="Scans and results are deleted after.")] = 24.0,
    upload_gib: Annotated[float, typer.Option("--upload-gib", help="Most that one scan may hold.")] = 4.0,
    minutes: Annotated[float, typer.Option("--minutes", help="A prediction that takes longer is ended.")] = 30.0,
    node: Annotated[
        Path | None,
        typer.Option("--node", help="TOML file of a PACS node whose studies can be answered and picked on the page."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="File with the token; else a new one at every start.")
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let in everyone on this machine; loopback only.")
    ] = False,
) -> None:
    """Open a page in the browser: drop a scan, see its lung function, the lungs and what to distrust."""
    from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
    from spiroct.errors import UsageError
    from spiroct.optional import require

    for module in ("fastapi", "uvicorn"):
        require(module, extra="serve", feature="the page in the browser")
    from spiroct.server.serving import Door, token_from
    from spiroct.server.serving import serve as run
    from spiroct.server.settings import GIB

    door = Door(host, port, tuple(allow_host or ()), certificate, key)
    if no_token and (token_file is not None or not door.is_loopback):
        raise UsageError(
            "--no-token",
            "without a token everyone who reaches the page sees every scan",
            "leave it out, or bind to loopback on a machine that is yours alone",
        )
    folder = None
    if node is not None:
        from spiroct.server.node_settings import read_settings

        folder = read_settings(node).folder
    run(
        door,
        data=data,
        token=None if no_token else token_from(token_file),
        announce=lambda address: typer.echo(f"Open {address}\nCtrl-C stops it."),
        model=model or DEFAULT_CHECKPOINT,
        keep_hours=keep_hours,
        upload_bytes=int(upload_gib * GIB),
        minutes=minutes,
        node=folder,
    )
