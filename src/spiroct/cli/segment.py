"""``spiroct segment``."""

from __future__ import annotations

from typing import Annotated

import typer

from spiroct.cli import options


def segment(
    *,
    scan: options.Scan,
    out: options.Out,
    lungs: Annotated[str, typer.Option("--lungs", help="Lung segmentation method: threshold.")] = "threshold",
    vessels: Annotated[
        str | None,
        typer.Option(
            "--vessels", help="Segment vessels and airways too: graph-cut, graph-cut-frangi.", show_default=False
        ),
    ] = None,
    series: options.Series = None,
    force: options.Force = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Write the lung mask of one chest CT (1 = right, 2 = left), and of vessels and airways where asked."""
    from spiroct.documents import to_json
    from spiroct.workflows.segment import segment as run

    result = run(scan, out=out, lungs=lungs, vessels=vessels, series=series, force=force, overwrite=overwrite)
    volumes = {"lungs": None, "right lung": 1, "left lung": 2}
    litres = {name: result.lungs.volume_l(label) for name, label in volumes.items()}
    for name, mask in (("vessels", result.vessels), ("airways", result.airways)):
        if mask is not None:
            litres[name] = mask.volume_l()
    if as_json:
        regions = {name.replace(" ", "_"): {"volume": {"value": v, "unit": "L"}} for name, v in litres.items()}
        document = {
            "schema": "spiroct.segment",
            "schema_version": 1,
            "scan_id": result.scan_id,
            "biomarkers": regions,
        }
        typer.echo(to_json(document), nl=False)
    else:
        for name, value in litres.items():
            typer.echo(f"{name:<12}{value:6.2f} L")
        typer.echo(f"mask: {out / 'lungs.nii.gz'}")
        if result.vessels is not None:
            typer.echo(f"masks: {out / 'vessels.nii.gz'}, {out / 'airways.nii.gz'}")
