"""``spiroct segment``: masks of lungs, and where asked of vessels and airways, in the scan's own geometry."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.documents import write_json
from spiroct.errors import UsageError
from spiroct.imaging.volume import LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.quality.verdict import Verdict
from spiroct.run_folder import run_folder
from spiroct.segmentation.airways import segment_airways
from spiroct.segmentation.vessels import VESSEL_METHODS, segment_vessels
from spiroct.workflows.examine import examine, read_scan, scan_id_of
from spiroct.workflows.versions import result_versions


@dataclass(frozen=True)
class Segmentation:
    """What ``segment`` made of one scan.

    Parameters
    ----------
    scan_id : str
        Identifier of the scan.
    lungs : LabelMap
        1 right, 2 left.
    quality : tuple of Verdict
        Checks on scan and mask.
    overrides : tuple of str
        Checks that ``force`` let pass.
    vessels, airways : LabelMap or None
        1 in vessels inside the lungs and in the lumen of the airways; None where not asked for.
    """

    scan_id: str
    lungs: LabelMap
    quality: tuple[Verdict, ...]
    overrides: tuple[str, ...]
    vessels: LabelMap | None = None
    airways: LabelMap | None = None


def segment(
    scan: Path,
    *,
    out: Path,
    lungs: str = "threshold",
    vessels: str | None = None,
    series: str | None = None,
    force: bool = False,
    overwrite: bool = False,
) -> Segmentation:
    """Segment one scan and write ``lungs.nii.gz``, ``quality.json`` and ``run.json``.

    With a vessel method also ``vessels.nii.gz`` and ``airways.nii.gz``, which take some twenty seconds.

    Parameters
    ----------
    scan : Path
        DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.
    out : Path
        Output folder.
    lungs : str
        Segmentation method.
    vessels : str, optional
        Method for the vessels, such as ``"graph-cut"``; without one neither vessels nor airways are segmented.
    series : str, optional
        SeriesInstanceUID to read where a folder holds several.
    force : bool
        Go on where a judgement (cut lungs, thick slices) would refuse.
    overwrite : bool
        Replace an earlier run in the same folder.

    Raises
    ------
    SpiroctError
        If the scan cannot be read or is refused, or the folder cannot be written.
    """
    if vessels is not None and vessels not in VESSEL_METHODS:
        raise UsageError(f"vessel method {vessels!r}", f"the known methods are {', '.join(VESSEL_METHODS)}", "use one")
    volume, digest = read_scan(scan, series=series)
    arguments: dict[str, Any] = {"scan": digest, "lungs": lungs, "series": series, "force": force}
    if vessels is not None:
        arguments["vessels"] = vessels
    arguments["spiroct"] = result_versions()["spiroct"]
    with run_folder(out, verb="segment", arguments=arguments, overwrite=overwrite) as run:
        examined = examine(volume, scan, lungs=lungs, force=force)
        result = Segmentation(scan_id_of(volume, scan), examined.lungs, examined.verdicts, examined.overrides)
        if vessels is not None:
            airways = segment_airways(volume, examined.lungs)
            found = segment_vessels(volume, examined.lungs, method=vessels)
            result = dataclasses.replace(result, vessels=found, airways=airways)
        if not run.finished:
            for name, mask in (("vessels", result.vessels), ("airways", result.airways)):
                if mask is not None:
                    write_nifti(mask, run.work / f"{name}.nii.gz")
            write_nifti(examined.lungs, run.work / "lungs.nii.gz")
            write_json(
                run.work / "quality.json",
                {
                    "schema": "spiroct.quality",
                    "schema_version": 1,
                    "scan_id": result.scan_id,
                    "quality": [dataclasses.asdict(v) for v in result.quality],
                    "overrides": list(result.overrides),
                },
            )
    return result
