"""``spiroct segment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spiroct.cli import options


def segment(
    *,
    scan: options.Scans,
    out: options.Out,
    lungs: Annotated[
        str,
        typer.Option("--lungs", help="Lung segmentation method: threshold, multi-atlas, lungmask, totalsegmentator."),
    ] = "threshold",
    atlases: Annotated[
        Path | None,
        typer.Option(
            "--atlases",
            help="For multi-atlas: folder of images and lung label maps, or cohort.csv.",
            show_default=False,
        ),
    ] = None,
    fusion: Annotated[str, typer.Option("--fusion", help="For multi-atlas: local, majority or staple.")] = "local",
    weights: options.WeightsOption = None,
    lobes: options.LobesOption = None,
    vessels: Annotated[
        str | None,
        typer.Option(
            "--vessels", help="Segment vessels and airways too: graph-cut, graph-cut-frangi.", show_default=False
        ),
    ] = None,
    series: options.Series = None,
    scheduler: options.SchedulerOption = None,
    cluster: options.ClusterOption = None,
    workers: options.WorkersOption = None,
    shard: options.ShardOption = None,
    time_limit: options.TimeLimitOption = 1800.0,
    force: options.Force = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Write the lung mask of one chest CT or of each of many, and lobes, vessels and airways where asked."""
    many = options.many(scan)
    if many is not None:
        from spiroct.workflows.segment import DOCUMENT, TABLE, cohort_segment

        options.refuse_with_many(many, {"--series": series}, "image")
        execution, part = options.place_of_work(scheduler, cluster, workers, time_limit, shard)
        summary = cohort_segment(
            many,
            out=out,
            lungs=lungs,
            atlases=atlases,
            fusion=fusion,
            weights=weights,
            lobes=lobes,
            vessels=vessels,
            force=force,
            overwrite=overwrite,
            finished=options.json_lines(DOCUMENT) if as_json else None,
            execution=execution,
            shard=part,
        )
        options.end_of_batch(summary, out, TABLE, "segmented", shard=part, quiet=as_json)
        return
    options.refuse_with_one(scheduler, cluster, workers, shard)
    from spiroct.documents import to_json
    from spiroct.workflows.segment import segment as run
    from spiroct.workflows.segment import volumes

    result = run(
        scan[0],
        out=out,
        lungs=lungs,
        atlases=atlases,
        fusion=fusion,
        weights=weights,
        lobes=lobes,
        vessels=vessels,
        series=series,
        force=force,
        overwrite=overwrite,
    )
    litres = volumes(result)
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
            typer.echo(f"{name:<18}{value:6.2f} L")
        typer.echo(f"mask: {out / 'lungs.nii.gz'}")
        if result.lobes is not None:
            typer.echo(f"mask: {out / 'lobes.nii.gz'}")
        if result.vessels is not None:
            typer.echo(f"masks: {out / 'vessels.nii.gz'}, {out / 'airways.nii.gz'}")
