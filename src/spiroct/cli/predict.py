"""``spiroct predict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spiroct.cli import options

if TYPE_CHECKING:
    from spiroct.batch.execution import Execution
    from spiroct.batch.shards import Shard


def predict(
    *,
    scan: options.Scans,
    out: options.Out,
    model: options.ModelOption = None,
    sex: options.SexOption = None,
    age: options.AgeOption = None,
    height: options.HeightOption = None,
    ethnicity: options.EthnicityOption = None,
    dlco: options.DlcoOption = None,
    fev1: options.Fev1Option = None,
    fvc: options.FvcOption = None,
    tlc: options.TlcOption = None,
    dlco_unit: options.DlcoUnit = "mmol/min/kPa",
    equations: options.EquationsOption = "gli-global-2022",
    series: options.Series = None,
    engine: options.EngineOption = "auto",
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Also write DICOM objects (SR, SEG, PDF, pictures) of the scan's study.")
    ] = False,
    fhir: Annotated[bool, typer.Option("--fhir", help="Also write a FHIR R4 bundle.")] = False,
    vessels: Annotated[
        bool, typer.Option("--vessels/--no-vessels", help="With --dicom: a SEG of the vessels too, half a minute.")
    ] = True,
    explain: Annotated[
        bool | None,
        typer.Option(
            "--explain/--no-explain",
            help="Also write maps of where the estimates come from; --dicom takes them, too, but for --no-explain.",
            show_default=False,
        ),
    ] = None,
    scheduler: options.SchedulerOption = None,
    cluster: options.ClusterOption = None,
    workers: options.WorkersOption = None,
    shard: options.ShardOption = None,
    time_limit: options.TimeLimitOption = 1800.0,
    force: options.Force = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Estimate DLCO, FEV1, FVC and TLC from one chest CT, or from each of many, and write reports."""
    many = options.many(scan)
    if many is not None:
        single = {
            "--sex": sex, "--age": age, "--height": height, "--ethnicity": ethnicity, "--dlco": dlco, "--fev1": fev1,
            "--fvc": fvc, "--tlc": tlc, "--series": series,
        }  # fmt: skip
        options.refuse_with_many(many, single, "sex, age, height_cm, ethnicity, DLCO, FEV1, FVC and TLC")
        place = options.place_of_work(scheduler, cluster, workers, time_limit, shard)
        _many(
            many,
            out,
            model,
            equations,
            engine,
            dicom=dicom,
            fhir=fhir,
            vessels=vessels,
            explain=explain,
            place=place,
            force=force,
            overwrite=overwrite,
            as_json=as_json,
        )
        return
    options.refuse_with_one(scheduler, cluster, workers, shard)
    from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
    from spiroct.documents import to_json
    from spiroct.reporting.table import prediction_table
    from spiroct.workflows.predict import predict as run

    prediction = run(
        scan[0],
        out=out,
        model=model or DEFAULT_CHECKPOINT,
        sex=sex,
        age=age,
        height=height,
        ethnicity=ethnicity,
        dlco=dlco,
        fev1=fev1,
        fvc=fvc,
        tlc=tlc,
        dlco_unit=dlco_unit,
        equations=equations,
        series=series,
        engine=engine,
        dicom=dicom,
        fhir=fhir,
        vessels=vessels,
        explain=explain,
        force=force,
        overwrite=overwrite,
    )
    if as_json:
        typer.echo(to_json(prediction.to_document()), nl=False)
    else:
        typer.echo(prediction_table(prediction))
        typer.echo(f"report: {out / 'report.html'}")
        if explain:
            typer.echo(f"maps: {out / 'explanation.html'}")
        if dicom:
            typer.echo(f"DICOM objects: {out / 'dicom'}")
        if fhir:
            typer.echo(f"FHIR bundle: {out / 'fhir.json'}")


def _many(
    scans: Path | Sequence[Path],
    out: Path,
    model: str | None,
    equations: str,
    engine: str,
    *,
    dicom: bool,
    fhir: bool,
    vessels: bool,
    explain: bool | None,
    place: tuple[Execution | None, Shard | None],
    force: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT
    from spiroct.workflows.predict_cohort import DOCUMENT, TABLE, predict_cohort

    summary = predict_cohort(
        scans,
        out=out,
        model=model or DEFAULT_CHECKPOINT,
        equations=equations,
        engine=engine,
        dicom=dicom,
        fhir=fhir,
        vessels=vessels,
        explain=explain,
        force=force,
        overwrite=overwrite,
        finished=options.json_lines(DOCUMENT) if as_json else None,
        execution=place[0],
        shard=place[1],
    )
    options.end_of_batch(summary, out, TABLE, "predicted", shard=place[1], quiet=as_json)
