"""``spiroct report``: the PDF of a result that is already there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from spiroct.errors import InputError
from spiroct.imaging.label_files import read_label_map
from spiroct.inference.prediction_reading import read_prediction
from spiroct.reporting.pdf import write_pdf
from spiroct.run_folder import run_folder
from spiroct.workflows.examine import read_scan
from spiroct.workflows.versions import result_versions

FILE = "report.pdf"


def report(result: Path, *, out: Path, scan: Path | None = None, overwrite: bool = False) -> Path:
    """Write ``report.pdf`` of one scan's result.

    Parameters
    ----------
    result : Path
        Folder that ``spiroct predict`` wrote for one scan.
    out : Path
        Output folder.
    scan : Path, optional
        The scan of that result, to show it with the outlined lungs; left out, the report says that it shows none.
    overwrite : bool
        Replace an earlier run in the same folder.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    SpiroctError
        If the folder holds no result, or the scan is another one than the result's.
    """
    document = result / "prediction.json"
    prediction = read_prediction(document)
    volume = lungs = None
    arguments = {
        "prediction": hashlib.sha256(document.read_bytes()).hexdigest(),
        "scan": None,
        "spiroct": result_versions()["spiroct"],
    }
    if scan is not None:
        volume, arguments["scan"] = read_scan(scan, series=prediction.acquisition.series_uid)
        if volume.geometry != prediction.geometry:
            raise InputError(
                f"{scan} does not lie where the scan of {result} lay",
                "a report shows the scan that its numbers come from",
                "name that scan, or leave --scan out",
            )
        lungs = read_label_map(result / "lungs.nii.gz", onto=volume.geometry)
    with run_folder(out, verb="report", arguments=arguments, overwrite=overwrite) as run:
        if not run.finished:
            write_pdf(prediction, run.work / FILE, volume=volume, lungs=lungs)
    return out / FILE
