"""``spiroct biomarkers``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spiroct.cli import options

if TYPE_CHECKING:
    from spiroct.batch.execution import Execution
    from spiroct.batch.shards import Shard


def biomarkers(
    *,
    scan: options.Scans,
    out: options.Out,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", help="Isotropic spacing in mm, or native; may be repeated. 1.5 if left out."),
    ] = None,
    lungs: Annotated[
        str, typer.Option("--lungs", help="Lung segmentation method: threshold, lungmask, totalsegmentator.")
    ] = "threshold",
    vessels: Annotated[
        str, typer.Option("--vessels", help="Vessel segmentation method: graph-cut, graph-cut-frangi.")
    ] = "graph-cut",
    lung_mask: Annotated[
        Path | None, typer.Option("--lung-mask", help="Use this lung mask: 1 right, 2 left.", show_default=False)
    ] = None,
    vessel_mask: Annotated[
        Path | None, typer.Option("--vessel-mask", help="Use this vessel mask.", show_default=False)
    ] = None,
    lobe_mask: Annotated[
        Path | None,
        typer.Option("--lobe-mask", help="Measure these lobes too, numbered as lungmask does.", show_default=False),
    ] = None,
    sex: options.SexOption = None,
    age: options.AgeOption = None,
    height: options.HeightOption = None,
    fvc: options.FvcOption = None,
    fvc_is_estimate: Annotated[
        bool, typer.Option("--fvc-is-estimate", help="The FVC is no measurement: mark the stage as circular.")
    ] = False,
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
    """Measure volumes, densities, vessel tree and ILD extent of one chest CT or of many."""
    from spiroct.workflows.biomarkers import Masks
    from spiroct.workflows.biomarkers import biomarkers as run

    grids = tuple(grid or ("1.5",))
    masks = Masks(lung_mask, vessel_mask, lobe_mask)
    many = options.many(scan)
    if many is not None:
        single = {
            "--lung-mask": lung_mask, "--vessel-mask": vessel_mask, "--lobe-mask": lobe_mask, "--sex": sex,
            "--age": age, "--height": height, "--fvc": fvc, "--series": series, "--fvc-is-estimate": fvc_is_estimate,
        }  # fmt: skip
        options.refuse_with_many(many, single, "lung_mask, vessel_mask, lobe_mask, sex, age, height_cm and FVC")
        place = options.place_of_work(scheduler, cluster, workers, time_limit, shard)
        _many(many, out, grids, lungs, vessels, place=place, force=force, overwrite=overwrite, as_json=as_json)
        return
    options.refuse_with_one(scheduler, cluster, workers, shard)
    found = run(
        scan[0],
        out=out,
        grids=grids,
        lungs=lungs,
        vessels=vessels,
        masks=masks,
        sex=sex,
        age=age,
        height=height,
        fvc=fvc,
        fvc_estimated=fvc_is_estimate,
        series=series,
        force=force,
        overwrite=overwrite,
    )
    if as_json:
        from spiroct.documents import to_json

        typer.echo(to_json(found.to_document()), nl=False)
    else:
        from spiroct.reporting.biomarker_table import biomarker_text

        typer.echo(biomarker_text(found.biomarkers))
        typer.echo(f"table: {out / 'biomarkers.csv'}")


def _many(
    scans: Path | Sequence[Path],
    out: Path,
    grids: tuple[str, ...],
    lungs: str,
    vessels: str,
    *,
    place: tuple[Execution | None, Shard | None],
    force: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    from spiroct.workflows.biomarkers import DOCUMENT, TABLE, cohort_biomarkers

    summary = cohort_biomarkers(
        scans,
        out=out,
        grids=grids,
        lungs=lungs,
        vessels=vessels,
        force=force,
        overwrite=overwrite,
        finished=options.json_lines(DOCUMENT) if as_json else None,
        execution=place[0],
        shard=place[1],
    )
    options.end_of_batch(summary, out, TABLE, "measured", shard=place[1], quiet=as_json)
