"""The verbs of the command line, each in the file of its name."""

from __future__ import annotations

import typer

from spiroct.cli import (
    biomarkers,
    calibrate,
    doctor,
    evaluate,
    explain,
    import_cohort,
    models,
    node,
    predict,
    reference,
    report,
    segment,
    serve,
    simulate,
    study,
    train,
)


def register(app: typer.Typer) -> None:
    """Hang every verb on the application, in the order of a user's day."""
    if app.registered_commands:
        return
    app.command("predict", short_help="Lung function from one chest CT or many.")(predict.predict)
    app.command("segment", short_help="Lung mask of one chest CT or many.")(segment.segment)
    app.command("biomarkers", short_help="Volumes, densities, vessel tree, ILD extent.")(biomarkers.biomarkers)
    app.command("explain", short_help="Where in a CT the estimates come from.")(explain.explain)
    app.command("reference", short_help="Predicted, %predicted, z-score and limits (GLI).")(reference.reference)
    app.add_typer(simulate.app, name="simulate")
    app.add_typer(import_cohort.app, name="import")
    app.command("train", short_help="Train a network on a cohort.")(train.train)
    app.command("calibrate", short_help="A network's intervals for your patients.")(calibrate.calibrate)
    app.command("evaluate", short_help="Estimates against measurements: metrics, tests, page.")(evaluate.evaluate)
    app.command("serve", short_help="A page in the browser for one scan at a time.")(serve.serve)
    app.add_typer(node.app, name="node")
    app.command("report", short_help="The report of a result as PDF.")(report.report)
    app.command("study", short_help="The paper's seven questions on a cohort.")(study.study)
    app.add_typer(models.app, name="models")
    app.command("doctor", short_help="What this machine can do.")(doctor.doctor)
