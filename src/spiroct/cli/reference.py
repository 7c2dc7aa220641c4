"""``spiroct reference``."""

from __future__ import annotations

import typer

from spiroct.cli import options


def reference(
    *,
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
    as_json: options.AsJson = False,
) -> None:
    """Print predicted value, %predicted, z-score and limits of normal of measured lung function (GLI)."""
    from spiroct.documents import to_json
    from spiroct.workflows.reference import reference as run

    result = run(
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
    )
    typer.echo(to_json(result.to_document()).rstrip("\n") if as_json else result.to_table())
