"""Options that several verbs share, with one wording each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Scan = Annotated[Path, typer.Argument(help="DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", help="Output folder; new, empty, or of the same run.", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the files of an earlier run in --out.")]
Force = Annotated[bool, typer.Option("--force", help="Go on where a judgement on the scan would refuse it.")]
Series = Annotated[str | None, typer.Option("--series", help="SeriesInstanceUID to read.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
SexOption = Annotated[str | None, typer.Option("--sex", help="F or M.", show_default=False)]
AgeOption = Annotated[float | None, typer.Option("--age", help="Age in years, as 53.4.", show_default=False)]
HeightOption = Annotated[float | None, typer.Option("--height", help="Height in cm, as 168.", show_default=False)]
EthnicityOption = Annotated[
    str | None,
    typer.Option(
        "--ethnicity",
        help="For gli-2012: caucasian, african_american, ne_asian, se_asian, other_mixed.",
        show_default=False,
    ),
]
EquationsOption = Annotated[str, typer.Option("--equations", help="Reference equations: gli-global-2022 or gli-2012.")]
DlcoOption = Annotated[float | None, typer.Option("--dlco", help="Measured DLCO in --dlco-unit.", show_default=False)]
Fev1Option = Annotated[float | None, typer.Option("--fev1", help="Measured FEV1 in L.", show_default=False)]
FvcOption = Annotated[float | None, typer.Option("--fvc", help="Measured FVC in L.", show_default=False)]
TlcOption = Annotated[float | None, typer.Option("--tlc", help="Measured TLC in L.", show_default=False)]
DlcoUnit = Annotated[str, typer.Option("--dlco-unit", help="mmol/min/kPa or mL/min/mmHg.")]
