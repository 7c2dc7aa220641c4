"""``spiroct simulate``: patients and cohorts with known lung function, from a seed or a record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from spiroct.cohort.table import write_cohort
from spiroct.documents import to_json, write_json
from spiroct.errors import InputError, UsageError
from spiroct.imaging.writing import write_dicom_series, write_nifti
from spiroct.phantom.causes import effects_named
from spiroct.phantom.identity import simulator_hash
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render
from spiroct.run_folder import run_folder
from spiroct.workflows.ceiling import ceiling
from spiroct.workflows.phantom_images import label_map, rendered_truth, volume_of, write_centre_lines
from spiroct.workflows.processes import each
from spiroct.workflows.truth import cohort_of, truth_documents, write_causes
from spiroct.workflows.versions import result_versions

_Part = tuple[PhantomPatient, dict[str, Any]]  # a patient and the truth to write

FORMATS = ("dicom", "nifti")
SPACINGS = (0.4, 10.0)  # mm
LARGEST_COHORT = 100_000
# Patients on which the ceiling is fitted: far behind the cohort's own, of the same seed.
REFERENCE_FIRST, REFERENCE_COUNT = 1_000_000, 2_000
# z, y, x in mm: fine enough for vessels and fissures, at a size that a disk and a viewer like.
_PATIENT_SPACING = (1.5, 1.0, 1.0)


def simulate_patient(
    out: Path,
    *,
    seed: int = 0,
    index: int = 0,
    site: str = "A",
    preset: str = "ssc",
    variant: int = 1,
    from_record: Path | None = None,
    changes: Sequence[str] = (),
    file_format: str = "dicom",
    spacing: float | None = None,
    overwrite: bool = False,
) -> PhantomPatient:
    """Make one simulated patient: the CT, the record from which it follows, and the truth.

    Writes ``ct/`` (DICOM) or ``ct.nii.gz``, ``patient.json``, ``truth/truth.json``, ``truth/<structure>.nii.gz``
    and ``truth/vessels.csv.gz`` (centre lines and radii).

    Parameters
    ----------
    out : Path
        Output folder.
    seed, index : int
        Which patient to draw; the same as patient ``index`` of the cohort ``seed``.
    site : {"A", "B"}
        Hospital: scanner, protocol and demographics.
    preset : {"ssc", "healthy"}
        Population.
    variant : {1, 2}
        Generator of vessels and texture.
    from_record : Path, optional
        A ``patient.json`` to use instead of a draw.
    changes : sequence of str
        ``"CAUSE=VALUE"``: causes to change, everything else staying as it is.
    file_format : {"dicom", "nifti"}
        Format of the CT.
    spacing : float, optional
        Isotropic grid in mm; 1 mm in the plane and slices every 1.5 mm when left out.
    overwrite : bool
        Replace an earlier run in the same folder.

    Returns
    -------
    PhantomPatient
        The patient as made.

    Raises
    ------
    SpiroctError
        If an argument, the record or the output folder is refused; nothing is half-written.
    """
    if file_format not in FORMATS:
        raise UsageError(f"format {file_format!r}", f"the formats are {', '.join(FORMATS)}", "use one of these")
    if spacing is not None:
        _check_spacing(spacing)
    drawn: dict[str, Any] = {"seed": seed, "index": index, "site": site, "preset": preset, "variant": variant}
    if from_record is None:
        patient = draw_patient(**drawn)
    else:
        _refuse_draw(drawn)
        patient = read_patient(from_record)
    patient = patient.changed(**_parsed(changes))
    grid = _PATIENT_SPACING if spacing is None else (spacing,) * 3
    arguments = {"patient": patient.to_document(), "format": file_format, "spacing": list(grid)}
    arguments |= _made_by()
    with run_folder(out, verb="simulate patient", arguments=arguments, overwrite=overwrite) as run:
        if not run.finished:
            _write_patient(patient, run.work, grid, file_format)
    return patient


def simulate_cohort(
    out: Path,
    *,
    n: int = 316,
    seed: int = 0,
    site: str = "A",
    preset: str = "ssc",
    without: Sequence[str] = (),
    permute: bool = False,
    variant: int = 1,
    spacing: float = 1.5,
    images: bool = True,
    workers: int = 1,
    overwrite: bool = False,
) -> None:
    """Make a simulated cohort: table, images, lung masks, truth and ceiling.

    Writes ``cohort.csv`` (with site, split and folds), ``images/<id>.nii.gz``, ``masks/<id>.nii.gz`` (1 right,
    2 left lung), ``truth/<id>.json``, ``truth/causes.csv`` and ``truth/ceiling.json``. The bytes depend on the
    arguments alone, not on the number of workers; an interrupted run goes on where it stopped.

    Parameters
    ----------
    out : Path
        Output folder.
    n : int
        Number of patients.
    seed : int
        Seed of the cohort; a larger cohort of the same seed begins with the same patients.
    site, preset, variant
        As for :func:`simulate_patient`.
    without : sequence of str
        Causes whose effect on lung function is zero: a twin cohort, the same patients otherwise.
    permute : bool
        Give every patient another one's PFTs: nothing to learn.
    spacing : float
        Isotropic grid in mm.
    images : bool
        Render the CTs; without them the numbers alone are made.
    workers : int
        Processes that render.
    overwrite : bool
        Replace an earlier run in the same folder.

    Raises
    ------
    SpiroctError
        If an argument or the output folder is refused.
    """
    _check_cohort(n, workers, spacing)
    effects = effects_named(without)
    drawn = partial(draw_patient, seed, site=site, preset=preset, variant=variant, without=effects)
    patients = [drawn(i) for i in range(n)]
    arguments = {
        "n": n,
        "seed": seed,
        "site": site,
        "preset": preset,
        "without": list(effects),
        "permute": permute,
        "variant": variant,
        "spacing": spacing,  # without images too: the ceiling knows what the grid resolves
        "images": images,
    } | _made_by()
    with run_folder(out, verb="simulate cohort", arguments=arguments, overwrite=overwrite, resumable=True) as run:
        if run.finished:
            return
        for name in ("images", "masks", "truth") if images else ("truth",):
            (run.work / name).mkdir(exist_ok=True)
        cohort, measured = cohort_of(patients, run.work, permute=permute, images=images)
        documents = truth_documents(patients)
        each(
            partial(_make_one, run.work, spacing if images else None),
            list(zip(patients, documents, strict=True)),
            workers=workers if images else 1,
        )
        write_causes(patients, run.work / "truth" / "causes.csv")
        reference = [drawn(REFERENCE_FIRST + i) for i in range(REFERENCE_COUNT)]
        test = (cohort.table["split"] == "test").to_numpy(dtype=bool)
        shared = {"spacing": spacing, "test": test, "permute": permute}
        write_json(run.work / "truth" / "ceiling.json", ceiling(patients, measured, reference, **shared))
        write_cohort(cohort, run.work / "cohort.csv")


def read_patient(path: Path) -> PhantomPatient:
    """Read a ``patient.json``, or the one in a patient's folder.

    Raises
    ------
    InputError
        If the file is missing, not JSON, or not a patient's record.
    """
    if path.is_dir():
        path = path / "patient.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"patient record {path}", "there is no such file", "check the path") from None
    except (OSError, ValueError) as unreadable:
        raise InputError(
            f"patient record {path}", f"it is not JSON ({unreadable})", "give a patient.json of spiroct simulate"
        ) from None
    if isinstance(document, dict) and "patient" in document:  # a cohort's truth/<id>.json holds the record
        document = document["patient"]
    return PhantomPatient.from_document(document, source=str(path))


def _write_patient(patient: PhantomPatient, folder: Path, grid: tuple[float, float, float], file_format: str) -> None:
    phantom = render(patient, spacing=grid)
    volume = volume_of(patient, phantom)
    if file_format == "dicom":
        uid = to_json({"patient": patient.to_document(), "grid": list(grid)})
        write_dicom_series(volume, folder / "ct", patient_id=patient.patient_id, seed_uid=uid)
    else:
        write_nifti(volume, folder / "ct.nii.gz")
    write_json(folder / "patient.json", patient.to_document())
    truth = folder / "truth"
    truth.mkdir()
    (document,) = truth_documents([patient])
    document |= {"rendered": rendered_truth(phantom)}
    document |= {"ceiling": None, "ceiling_reason": "a ceiling belongs to a cohort"}
    write_json(truth / "truth.json", document)
    for structure in phantom.labels:
        write_nifti(label_map(phantom, structure), truth / f"{structure}.nii.gz")
    write_centre_lines(phantom, truth / "vessels.csv.gz")


def _refuse_draw(drawn: dict[str, Any]) -> None:
    """Refuse options of a draw beside a record, which says all that they would decide."""
    defaults = {"seed": 0, "index": 0, "site": "A", "preset": "ssc", "variant": 1}
    for name, value in drawn.items():
        if value != defaults[name]:
            remedy = f"leave --{name} out"
            if name not in {"seed", "index"}:
                remedy = f"change it with --set {name}={value}"
            raise UsageError(
                f"--{name} {value} with --from", "a record is not drawn: it says who the patient is", remedy
            )


def _made_by() -> dict[str, str]:
    """Say which code makes the patients: another simulator's cohort is another run, never one to go on with."""
    return {"spiroct": result_versions()["spiroct"], "simulator": simulator_hash()}


def _parsed(changes: Sequence[str]) -> dict[str, str]:
    pairs = [change.partition("=") for change in changes]
    for name, sign, value in pairs:
        if not (name.strip() and sign and value.strip()):
            raise UsageError(f"--set {name}{sign}{value}", "a change is CAUSE=VALUE", "write it as ild_extent=0.3")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _check_spacing(spacing: float) -> None:
    low, high = SPACINGS
    if not low <= spacing <= high:
        raise UsageError(f"spacing {spacing:g} mm", f"it is {low:g} to {high:g} mm", "use such as 1.5")


def _check_cohort(n: int, workers: int, spacing: float) -> None:
    _check_spacing(spacing)
    if not 1 <= n <= LARGEST_COHORT:
        raise UsageError(f"{n} patients", f"a cohort has 1 to {LARGEST_COHORT}", "choose another --n")
    if workers < 1:
        raise UsageError(f"{workers} workers", "there is at least one", "use such as --workers 2")


def _make_one(folder: Path, spacing: float | None, part: _Part) -> str:
    """Make one patient's files; the truth comes last and says that the others are there."""
    patient, document = part
    name = patient.patient_id
    done = folder / "truth" / f"{name}.json"
    if done.is_file():
        return name
    if spacing is not None:
        phantom = render(patient, spacing=spacing)
        document = document | {"rendered": rendered_truth(phantom)}
        with _whole(folder / "images" / f"{name}.nii.gz") as path:
            write_nifti(volume_of(patient, phantom), path)
        with _whole(folder / "masks" / f"{name}.nii.gz") as path:
            write_nifti(label_map(phantom, "lungs"), path)
    with _whole(done) as path:
        path.write_text(to_json(document), encoding="utf-8")
    return name


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Write to a hidden name first, so that a file that is there is complete."""
    hidden = path.with_name(f".writing-{path.name}")
    yield hidden
    hidden.replace(path)
