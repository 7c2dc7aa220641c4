"""``spiroct segment``: masks of lungs, and where asked of vessels and airways, in the scan's own geometry."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spiroct.documents import write_json
from spiroct.errors import UsageError
from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.resampling import resample_labels
from spiroct.imaging.volume import LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.quality.verdict import Verdict
from spiroct.run_folder import run_folder
from spiroct.segmentation.airways import find_airways
from spiroct.segmentation.lungs import DEFAULT_FUSION, LungOptions, deciding_inputs, segment_lobes
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
    lobes : LabelMap or None
        1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower; None where not asked for.
    """

    scan_id: str
    lungs: LabelMap
    quality: tuple[Verdict, ...]
    overrides: tuple[str, ...]
    vessels: LabelMap | None = None
    airways: LabelMap | None = None
    lobes: LabelMap | None = None


def segment(
    scan: Path,
    *,
    out: Path,
    lungs: str = "threshold",
    atlases: Path | None = None,
    fusion: str = DEFAULT_FUSION,
    weights: Path | None = None,
    lobes: str | None = None,
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
        Segmentation method: ``"threshold"``, ``"multi-atlas"``, ``"lungmask"`` or ``"totalsegmentator"``.
    atlases : Path, optional
        Atlases of the method ``"multi-atlas"``: a folder of images and lung label maps, or a cohort.csv.
    fusion : str
        How their labels are fused: ``"local"``, ``"majority"`` or ``"staple"``.
    weights : Path, optional
        Folder that holds the weights of ``"lungmask"`` or ``"totalsegmentator"``.
    lobes : str, optional
        Method for the lobes, ``"lungmask"`` or ``"totalsegmentator"``; adds ``lobes.nii.gz``.
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
    options = LungOptions(atlases, fusion, weights)
    deciding = deciding_inputs(lungs, lobes=lobes, options=options)
    volume, digest = read_scan(scan, series=series)
    arguments: dict[str, Any] = {"scan": digest, "lungs": lungs, "series": series, "force": force} | deciding
    if lobes is not None:
        arguments["lobes"] = lobes
    if vessels is not None:
        arguments["vessels"] = vessels
    arguments["spiroct"] = result_versions()["spiroct"]
    with run_folder(out, verb="segment", arguments=arguments, overwrite=overwrite) as run:
        examined = examine(volume, scan, lungs=lungs, options=options, force=force)
        result = Segmentation(scan_id_of(volume, scan), examined.lungs, examined.verdicts, examined.overrides)
        if lobes is not None:
            result = dataclasses.replace(result, lobes=segment_lobes(volume, method=lobes, options=options))
        if vessels is not None:
            lumen = find_airways(volume, examined.lungs)
            found = segment_vessels(volume, examined.lungs, method=vessels, airways=lumen)
            airways = restore(resample_labels(lumen, to_canonical(volume).geometry), volume.geometry)
            result = dataclasses.replace(result, vessels=found, airways=airways)
        if not run.finished:
            for name, mask in (("vessels", result.vessels), ("airways", result.airways), ("lobes", result.lobes)):
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
