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
    series: options.Series = None,
    force: options.Force = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Write the lung mask of one chest CT (1 = right, 2 = left) in the scan's own geometry."""
    from spiroct.documents import to_json
    from spiroct.workflows.segment import segment as run

    result = run(scan, out=out, lungs=lungs, series=series, force=force, overwrite=overwrite)
    volumes = {"lungs": None, "right lung": 1, "left lung": 2}
    litres = {name: result.lungs.volume_l(label) for name, label in volumes.items()}
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
