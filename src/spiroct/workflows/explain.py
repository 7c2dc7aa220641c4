"""``spiroct explain``: where in a CT the estimates come from, by region, and whether the maps deserve belief."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from spiroct.attribution.explanation import Explanation
from spiroct.attribution.methods import make_method
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.errors import InputError, UsageError
from spiroct.imaging.label_files import read_label_map
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.imaging.writing import write_nifti
from spiroct.inference.engines.engine import require_engine
from spiroct.inference.predictor import Predictor
from spiroct.pft.demographics import check_person
from spiroct.run_folder import require_usable, run_folder
from spiroct.segmentation.airways import find_airways
from spiroct.segmentation.lungs import (
    LOBE_METHODS,
    LOBE_NAMES,
    LungOptions,
    deciding_inputs,
    segment_lobes,
)
from spiroct.segmentation.vessels import require_vessel_method, segment_vessels
from spiroct.workflows.estimate import see_scan
from spiroct.workflows.examine import read_scan, scan_id_of
from spiroct.workflows.explanations import explain_seen, write_explanation
from spiroct.workflows.predict import combine_demographics
from spiroct.workflows.versions import result_versions

NO_VESSELS = "none"


@dataclass(frozen=True)
class Lobes:
    """Where the lobes of an accounting come from.

    Parameters
    ----------
    method : str or None
        Segmentation method.
    options : LungOptions
        What it needs.
    file : Path or None
        Label map that was made elsewhere.
    deciding : dict of str to str
        What decides them, for the run's record.
    """

    method: str | None = None
    options: LungOptions = field(default_factory=LungOptions)
    file: Path | None = None
    deciding: dict[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, lobes: str | None, weights: Path | None) -> Lobes:
        """Take the name of a method or of a file.

        Raises
        ------
        SpiroctError
            If it is neither, or what the method needs is missing.
        """
        options = LungOptions(weights=weights)
        if lobes is None or lobes in LOBE_METHODS:
            decided = deciding_inputs("threshold", lobes=lobes, options=options)
            return cls(lobes, options, None, decided if lobes is None else {"method": lobes, **decided})
        if weights is not None:
            raise UsageError(f"--weights with --lobes {lobes}", "a label map needs none", "leave --weights out")
        file = Path(lobes)
        if not file.is_file():
            known = ", ".join(LOBE_METHODS)
            raise UsageError(f"lobes {lobes!r}", f"they are a method ({known}) or the file of a label map", "name one")
        return cls(None, options, file, {"file": hashlib.sha256(file.read_bytes()).hexdigest()})

    def of(self, volume: CTVolume) -> LabelMap | None:
        """Find the lobes of a scan; None where none are wanted.

        Raises
        ------
        SpiroctError
            If they cannot be segmented, or the file is no map of the lobes of this scan.
        """
        if self.method is not None:
            return segment_lobes(volume, method=self.method, options=self.options)
        if self.file is None:
            return None
        found = read_label_map(self.file, onto=volume.geometry)
        if int(found.labels.max()) > len(LOBE_NAMES):
            numbered = ", ".join(f"{number} {name}" for number, name in enumerate(LOBE_NAMES, start=1))
            raise InputError(
                f"lobes {self.file} have the label {found.labels.max()}", f"they are {numbered}", "relabel"
            )
        return found


def explain(
    scan: Path,
    *,
    out: Path,
    model: str = DEFAULT_CHECKPOINT,
    method: str = "ram",
    layer: str | None = None,
    vessels: str = "graph-cut",
    lobes: str | None = None,
    weights: Path | None = None,
    sex: str | None = None,
    age: float | None = None,
    height: float | None = None,
    series: str | None = None,
    engine: str = "auto",
    force: bool = False,
    overwrite: bool = False,
) -> Explanation:
    """Explain the estimates of one scan and write maps, accounting, verdicts and a page.

    Writes ``<method>_<measure>.nii.gz`` in the scan's geometry, ``explanation.json``, ``explanation.html``,
    ``lungs.nii.gz`` and ``run.json``.

    Parameters
    ----------
    scan : Path
        DICOM folder or zip, NIfTI, MHA, MHD or NRRD file.
    out : Path
        Output folder.
    model : str
        Name of a packaged checkpoint, or the folder of one.
    method : str
        One of :data:`spiroct.attribution.methods.METHODS`.
    layer : str, optional
        For ``ram``: ``"pool"``, ``"last-convolution"`` (the authors' layer), or a submodule of the network.
    vessels : str
        Method for the vessels of the accounting, or ``"none"``; takes some twenty seconds.
    lobes : str, optional
        For the accounting by lobe: a method, ``"lungmask"`` or ``"totalsegmentator"``, or the file of a label map
        (1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower) as ``segment --lobes`` writes it.
    weights : Path, optional
        Folder that holds the weights of that method.
    sex, age, height
        Where the network takes them; from the DICOM header when left out.
    series : str, optional
        SeriesInstanceUID to read where a folder holds several.
    engine : str
        What runs the network.
    force : bool
        Go on where a judgement would refuse.
    overwrite : bool
        Replace an earlier run in the same folder.

    Raises
    ------
    SpiroctError
        If an argument, the scan, the checkpoint or the output folder is refused; nothing is half-written.
    """
    require_vessel_method(vessels, none=NO_VESSELS)
    make_method(method, layer=layer)
    require_engine(engine)
    wanted = Lobes.named(lobes, weights)
    given = check_person(sex=sex, age=age, height_cm=height, ethnicity=None)
    checkpoint = find(model)
    require_usable(out, verb="explain", overwrite=overwrite)
    predictor = Predictor(checkpoint, engine=engine)
    if layer is not None:
        make_method(method, layer=layer)(predictor)  # refuses a layer that the network has not got
    volume, digest = read_scan(scan, series=series)
    person, _, _ = combine_demographics(given, volume.acquisition)
    arguments = {
        "scan": digest,
        "model": predictor.checkpoint.hash,
        "engine": engine,
        "method": method,
        "layer": layer,
        "vessels": vessels,
        "lobes": wanted.deciding,
        "demographics": [person.sex, person.age, person.height_cm],
        "series": series,
        "force": force,
        "spiroct": result_versions()["spiroct"],
    }
    with run_folder(out, verb="explain", arguments=arguments, overwrite=overwrite) as run:
        seen = see_scan(volume, scan, predictor=predictor, demographics=person, force=force)
        own = seen.examined.lungs
        airways = None if vessels == NO_VESSELS else find_airways(volume, own)
        tree = seen.vessels if airways is None else segment_vessels(volume, own, method=vessels, airways=airways)
        explanation = explain_seen(
            predictor,
            seen,
            scan_id=scan_id_of(volume, scan),
            method=method,
            layer=layer,
            vessels=tree,
            airways=airways,
            lobes=wanted.of(volume),
        )
        if not run.finished:
            write_explanation(explanation, seen.examined, run.work)
            write_nifti(own, run.work / "lungs.nii.gz")
    return explanation
