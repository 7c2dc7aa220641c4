"""One simulated patient as a plain record: all that was drawn; CT and lung function follow from it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, fields
from typing import Any, Self

from spiroct.errors import InputError, UsageError
from spiroct.phantom.causes import CHOICES, PATTERNS, RANGES, check_effects, guess, known_names

SCHEMA = "spiroct.phantom-patient"
SCHEMA_VERSION = 1

_IDENTITY = ("patient_id", "seed", "index")  # say which patient this is: no causes


@dataclass(frozen=True, kw_only=True)
class PhantomPatient:
    """Everything that was drawn for one simulated patient; plain numbers, strings and booleans.

    A ``z`` is a standard normal draw: 0 is the average person of that sex, age and height. The ranges are in
    ``RANGES``, the known words in ``CHOICES``.

    Parameters
    ----------
    patient_id : str
        Name in every file.
    seed, index : int
        Cohort seed and place in the cohort: together they give this patient back.
    site : {"A", "B"}
        Hospital: scanner, protocol and demographics.
    preset : {"ssc", "healthy"}
        Population.
    variant : {1, 2}
        Generator of vessels and texture; training never sees 2.
    sex : {"F", "M"}
    age : float
        Years.
    height_cm : float
    bmi : float
        Body-mass index, kg/m2: soft tissue of the torso.
    subset : str
        Systemic sclerosis subset; ``"none"`` in health.
    ild_extent : float
        Fraction of the lung with interstitial disease, 0 to 0.8.
    ild_ground_glass, ild_reticulation, ild_honeycombing : float
        Shares of the patterns in that extent; they sum to 1.
    ild_basal : float
        Basal-posterior-subpleural preponderance: 0 everywhere alike, 1 strictly at the base.
    ild_asymmetry : float
        -1 left lung only, 0 symmetric, 1 right lung only.
    emphysema : float
        Fraction of the lung parenchyma destroyed.
    emphysema_upper : float
        Upper-lobe preponderance, 0 to 1.
    vasculopathy : float
        Severity of pulmonary vasculopathy, 0 none: pruned small vessels, dilated central arteries.
    pah : bool
        Pulmonary arterial hypertension.
    chest_wall_stiffness : float
        Skin and chest-wall stiffness, 0 none, about 2 marked: seen as thick dense skin, not in the lungs.
    muscle_weakness : float
        Respiratory muscle weakness, 0 none: seen as thin, fatty muscle.
    oesophagus_width_mm : float
        Width of the (air-filled) oesophagus: tracks ILD and DLCO, causes neither.
    smoker : bool
        Ever smoked.
    airway_narrowing : float
        Narrow lumen and thick wall of bronchi, 0 none.
    airway_size_z, capillary_z, lung_size_z : float
        Healthy variation: airway calibre for lung size, capillary bed for lung size, lung size for body size.
    fvc_z : float
        Healthy variation of FVC at fixed TLC (the share that is residual volume).
    vessel_calibre_z : float
        Vessel calibre that has nothing to do with size or function.
    effort : float
        Gas volume at the CT as a fraction of TLC.
    tissue_z : float
        Healthy variation of tissue and blood mass for lung size.
    thorax_width_z, thorax_depth_z, diaphragm_z : float
        Proportions of the thorax and level of the diaphragm at the same lung volume.
    heart_size_z, fat_z, muscle_z, breast_z, calcification_z : float
        Build: heart, subcutaneous fat, muscle mass, breast, calcification of cartilage and aorta for age.
    haemoglobin : float
        g/dL; acts on the DLCO before haemoglobin correction only.
    kernel : {"soft", "standard", "sharp"}
        Reconstruction kernel.
    noise_hu : float
        Noise SD in soft tissue at the native grid, HU.
    slice_thickness_mm, spacing_mm, slice_spacing_mm : float
        Nominal slice thickness, in-plane voxel size and slice distance of the native grid.
    fov_mm : float
        Diameter of the reconstructed circle.
    padding_hu : float or None
        Value outside that circle; None: not padded.
    calibration_offset_hu, calibration_slope : float
        Error of the HU scale: shown = slope * true + offset.
    anatomy_seed, vessel_seed, texture_seed, noise_seed : int
        Seeds of the fields that are too large to be written down.
    noise_dlco, noise_fev1, noise_fvc, noise_tlc : float
        Standard normal draw of the between-session variability of each measured test.
    without : tuple of str
        Causes (from ``EFFECTS``) whose effect on lung function is zero in this patient's world.

    Raises
    ------
    InputError
        If a field has the wrong type, an unknown word or a value outside its range.
    """

    patient_id: str
    seed: int
    index: int
    site: str = "A"
    preset: str = "ssc"
    variant: int = 1
    sex: str = "F"
    age: float = 53.4
    height_cm: float = 166.0
    bmi: float = 25.0
    subset: str = "limited"
    ild_extent: float = 0.0
    ild_ground_glass: float = 0.5
    ild_reticulation: float = 0.4
    ild_honeycombing: float = 0.1
    ild_basal: float = 0.7
    ild_asymmetry: float = 0.0
    emphysema: float = 0.0
    emphysema_upper: float = 0.7
    vasculopathy: float = 0.0
    pah: bool = False
    chest_wall_stiffness: float = 0.0
    muscle_weakness: float = 0.0
    oesophagus_width_mm: float = 14.0
    smoker: bool = False
    airway_narrowing: float = 0.0
    airway_size_z: float = 0.0
    capillary_z: float = 0.0
    lung_size_z: float = 0.0
    fvc_z: float = 0.0
    vessel_calibre_z: float = 0.0
    effort: float = 0.9
    tissue_z: float = 0.0
    thorax_width_z: float = 0.0
    thorax_depth_z: float = 0.0
    diaphragm_z: float = 0.0
    heart_size_z: float = 0.0
    fat_z: float = 0.0
    muscle_z: float = 0.0
    breast_z: float = 0.0
    calcification_z: float = 0.0
    haemoglobin: float = 13.4
    kernel: str = "soft"
    noise_hu: float = 15.0
    slice_thickness_mm: float = 1.0
    spacing_mm: float = 0.7
    slice_spacing_mm: float = 1.0
    fov_mm: float = 360.0
    padding_hu: float | None = None
    calibration_offset_hu: float = 0.0
    calibration_slope: float = 1.0
    anatomy_seed: int = 0
    vessel_seed: int = 0
    texture_seed: int = 0
    noise_seed: int = 0
    noise_dlco: float = 0.0
    noise_fev1: float = 0.0
    noise_fvc: float = 0.0
    noise_tlc: float = 0.0
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a record that no patient can have."""
        for field in fields(self):
            _check_type(field.name, str(field.type), getattr(self, field.name))
        for name, words in CHOICES.items():
            if getattr(self, name) not in words:
                raise InputError(
                    f"{name} {getattr(self, name)!r}", f"it is one of {', '.join(words)}", "use one of these"
                )
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(f"{name} {value:g}", f"it is {low:g} to {high:g}", "choose a value in that range")
        if abs(sum(getattr(self, name) for name in PATTERNS) - 1) > 1e-4:
            raise InputError(
                "ILD patterns " + " + ".join(f"{getattr(self, n):g}" for n in PATTERNS),
                "ground glass, reticulation and honeycombing are shares and sum to 1",
                "give shares of the diseased lung",
            )
        check_effects(self.without)

    def changed(self, **causes: object) -> Self:
        """Return the same patient with some causes changed, everything else as it was.

        Parameters
        ----------
        **causes
            Fields and their new values, as numbers or as text from a command line (``ild_extent="0.3"``). A
            changed ILD pattern makes room by shrinking the other patterns in proportion.

        Raises
        ------
        UsageError
            If there is no such cause (the known ones are listed).
        InputError
            If a value is not one the cause can have.
        """
        types = {f.name: str(f.type) for f in fields(self) if f.name not in _IDENTITY}
        values: dict[str, Any] = {}
        for name, value in causes.items():
            if name not in types:
                raise UsageError(f"cause {name!r}{guess(name, types)}", *known_names("causes", types))
            values[name] = _parsed(name, types[name], value)
        return dataclasses.replace(self, **(values | self._other_patterns(values)))

    def _other_patterns(self, changed: dict[str, Any]) -> dict[str, float]:
        """Share what the changed ILD patterns leave among the others, in proportion."""
        if not any(name in changed for name in PATTERNS):
            return {}
        others = [name for name in PATTERNS if name not in changed]
        left = 1 - sum(float(changed[name]) for name in PATTERNS if name in changed)
        if not others or left < 0:
            return {}  # the constructor says what is wrong, if anything is
        total = sum(getattr(self, name) for name in others)
        return {n: left * (getattr(self, n) / total if total else 1 / len(others)) for n in others}

    def to_document(self) -> dict[str, Any]:
        """Give the record as plain data for JSON."""
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            **dataclasses.asdict(self),
            "without": list(self.without),
        }

    @classmethod
    def from_document(cls, document: Any, *, source: str = "patient record") -> Self:
        """Build the patient from plain data, or say which field is wrong.

        Parameters
        ----------
        document : plain data
            What :meth:`to_document` gave.
        source : str
            Name of the file, for messages.

        Raises
        ------
        InputError
            If the document is of another kind, lacks a field, or a field is wrong.
        """
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise InputError(source, f"its schema is not {SCHEMA}", "give a patient.json that spiroct simulate wrote")
        if document.get("schema_version") != SCHEMA_VERSION:
            raise InputError(
                f"{source} of schema version {document.get('schema_version')}",
                f"this spiroct reads version {SCHEMA_VERSION}",
                "make the record anew with spiroct simulate",
            )
        values = {k: v for k, v in document.items() if k not in {"schema", "schema_version"}}
        names = {f.name for f in fields(cls)}
        wrong = sorted(values.keys() ^ names)
        if wrong:
            raise InputError(
                f"{source}, field {wrong[0]!r}",
                "it is missing" if wrong[0] in names else "there is no such field",
                "give a complete record as spiroct simulate wrote it",
            )
        if isinstance(values["without"], list):
            values["without"] = tuple(values["without"])
        try:
            return cls(**values)
        except InputError as wrong_field:
            raise InputError(f"{source}, {wrong_field.what}", wrong_field.rule, wrong_field.remedy) from None


def _check_type(name: str, kind: str, value: object) -> None:
    wanted: dict[str, type | tuple[type, ...]] = {
        "str": str,
        "bool": bool,
        "int": int,
        "float": (int, float),
        "float | None": (int, float, type(None)),
        "tuple[str, ...]": tuple,
    }
    wrong_kind = not isinstance(value, wanted[kind]) or (isinstance(value, bool) and kind != "bool")
    if wrong_kind or (isinstance(value, float) and not math.isfinite(value)):
        raise InputError(f"{name} {value!r}", f"it is {_PLAIN[kind]}", "mend the value")


_PLAIN = {
    "str": "a word",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a finite number",
    "float | None": "a finite number or none",
    "tuple[str, ...]": "a list of words",
}


def _parsed(name: str, kind: str, value: object) -> object:
    """Turn text from a command line into the field's type; other values pass as they are."""
    if not isinstance(value, str) or kind == "str":
        return value
    word = value.strip().lower()
    try:
        if kind == "bool":
            return {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}[word]
        if kind == "int":
            return int(word)
        if kind == "tuple[str, ...]":
            return tuple(part for part in word.replace(",", " ").split() if part)
        return None if kind.endswith("None") and word == "none" else float(word)
    except (KeyError, ValueError):
        raise InputError(f"{name} {value!r}", f"it is {_PLAIN[kind]}", "mend the value") from None
