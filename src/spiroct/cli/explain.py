"""``spiroct explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from spiroct.cli import options


def explain(
    *,
    scan: options.Scan,
    out: options.Out,
    model: options.ModelOption = None,
    method: Annotated[
        str,
        typer.Option("--method", help="ram, ram-fused, occlusion, region-ablation or integrated-gradients."),
    ] = "ram",
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            help="For ram: pool (default), last-convolution (the paper's layer), or a module of the network.",
            show_default=False,
        ),
    ] = None,
    vessels: Annotated[
        str, typer.Option("--vessels", help="Vessels of the accounting: graph-cut, graph-cut-frangi or none.")
    ] = "graph-cut",
    lobes: options.LobesOrMapOption = None,
    weights: options.WeightsOption = None,
    sex: options.SexOption = None,
    age: options.AgeOption = None,
    height: options.HeightOption = None,
    series: options.Series = None,
    engine: options.EngineOption = "auto",
    force: options.Force = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Write maps of where the estimates of one chest CT come from, by region, with a verdict on each map."""
    from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
    from spiroct.documents import to_json
    from spiroct.workflows.explain import explain as run

    found = run(
        scan,
        out=out,
        model=model or DEFAULT_CHECKPOINT,
        method=method,
        layer=layer,
        vessels=vessels,
        lobes=lobes,
        weights=weights,
        sex=sex,
        age=age,
        height=height,
        series=series,
        engine=engine,
        force=force,
        overwrite=overwrite,
    )
    if as_json:
        typer.echo(to_json(found.to_document()), nl=False)
        return
    for measure, one in found.measures.items():
        patch = one.attribution.patch
        places = float(patch.members.mean(dtype="float64"))
        typer.echo(
            f"{measure:<5}{patch.estimate.mean():7.2f} {patch.unit} = bias {patch.bias.mean():.2f} "
            f"{'+' if places >= 0 else '-'} places {abs(places):.2f}; left over {patch.completeness_error:.1e}"
        )
        held = sorted((r for r in one.regions if r.part and r.share), key=lambda r: -(r.share or 0))[:3]
        typer.echo("     mostly " + ", ".join(f"{r.region.replace('_', ' ')} {r.share:.0f} %" for r in held))
        typer.echo(f"     {one.summary}")
    typer.echo(f"page: {out / 'explanation.html'}")
