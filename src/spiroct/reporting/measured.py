"""What the page says of the CT itself: volumes and densities, quality, the patient, acquisition."""

from __future__ import annotations

from dataclasses import dataclass

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.inference.prediction import Prediction
from spiroct.pft.demographics import Demographics
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.reporting.wording import (
    DASH,
    DIGITS,
    OUTCOME_MARKS,
    OUTCOME_WORDS,
    REGIONS,
    TIMES,
    check_name,
    found,
    number,
    quantity,
    sentence,
    typeset,
)

_BIOMARKERS = {
    "volume": ("Volume", "air and tissue inside the lung outlines, at the breath of this scan"),
    "mean_density": ("Mean density", "rises with fibrosis, oedema and shallow breath; falls with emphysema"),
    "perc15": ("Perc15", "15 % of the lung is less dense than this; falls with emphysema"),
    "perc85": ("Perc85", "85 % of the lung is less dense than this; rises with fibrosis"),
    "laa950": ("LAA-950", "share of the lung below \u2212950 HU; emphysema, or noise of a sharp kernel"),
    "mass": ("Mass", "tissue and blood, from density and volume"),
}
_ORDER = tuple(_BIOMARKERS)
_VOLUMES = {
    ("lungs", "volume"): "Both lungs",
    ("right_lung", "volume"): "Right lung",
    ("left_lung", "volume"): "Left lung",
}
_SEVERITY = {Outcome.FAIL: 0, Outcome.WARN: 1, Outcome.PASS: 2}


@dataclass(frozen=True)
class BiomarkerTable:
    """Biomarkers as a table: one row a name, one column a region."""

    regions: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...], str], ...]
    grids: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class CheckRow:
    """One quality check in words."""

    outcome: str
    word: str
    mark: str
    name: str
    found: str
    limit: str
    meaning: str
    remedy: str
    overridden: bool


@dataclass(frozen=True)
class Fact:
    """One named fact and its note."""

    name: str
    text: str
    note: str = ""


def volumes(prediction: Prediction) -> tuple[Fact, ...]:
    """Total, right and left lung volume for the head of the page."""
    by_name = _by_name(prediction.biomarkers)
    facts = []
    for key, label in _VOLUMES.items():
        b = by_name.get(key)
        reason = "" if b is None or b.value is not None else sentence(b.reason)
        facts.append(Fact(label, number(None if b is None else b.value), reason))
    return tuple(facts)


def biomarker_table(prediction: Prediction) -> BiomarkerTable:
    """All biomarkers but the lung volumes (:func:`volumes`), in the order of the shared vocabulary."""
    by_name = {key: b for key, b in _by_name(prediction.biomarkers).items() if key not in _VOLUMES}
    regions = sorted({r for r, _ in by_name}, key=lambda r: (_place(r, tuple(REGIONS)), r))
    names = sorted({n for _, n in by_name}, key=lambda n: (_place(n, _ORDER), n))
    rows = []
    for name in names:
        cells = [by_name.get((region, name)) for region in regions]
        unit = next((b.unit for b in cells if b is not None), "")
        label, meaning = _BIOMARKERS.get(name, (_words(name), ""))
        texts = tuple(DASH if b is None else number(b.value, DIGITS.get(b.unit, 2)) for b in cells)
        rows.append((label, unit, texts, meaning))
    grids = tuple(sorted({b.grid for b in by_name.values()}))
    reasons = tuple(dict.fromkeys(sentence(b.reason) for b in prediction.biomarkers if b.reason))
    return BiomarkerTable(tuple(REGIONS.get(r, _words(r)) for r in regions), tuple(rows), grids, reasons)


def check_rows(prediction: Prediction) -> tuple[CheckRow, ...]:
    """All checks, the gravest first."""
    ordered = sorted(prediction.quality, key=lambda v: _SEVERITY[v.outcome])
    return tuple(_check_row(v, prediction.overrides) for v in ordered)


def override_rows(prediction: Prediction) -> tuple[CheckRow | str, ...]:
    """Tell what ``--force`` let pass: the check in words, or the text as recorded where there is none."""
    checks = {v.check: _check_row(v, prediction.overrides) for v in prediction.quality}
    return tuple(checks.get(text.split(":", maxsplit=1)[0].strip(), text) for text in prediction.overrides)


def quality_summary(prediction: Prediction) -> str:
    """Count the checks, as ``"1 failed, 2 warnings, 8 passed"``."""
    if not prediction.quality:
        return "no checks were made"
    counts = {outcome: sum(v.outcome is outcome for v in prediction.quality) for outcome in Outcome}
    warnings = counts[Outcome.WARN]
    parts = [f"{counts[Outcome.FAIL]} failed"] if counts[Outcome.FAIL] else []
    if warnings:
        parts.append(f"{warnings} warning{'s' if warnings > 1 else ''}")
    parts.append(f"{counts[Outcome.PASS]} passed")
    return ", ".join(parts)


def patient_facts(prediction: Prediction) -> tuple[Fact, ...]:
    """Sex, age, height and ethnicity, each with where it came from."""
    d: Demographics = prediction.demographics
    sex = None if d.sex is None else {"F": "female", "M": "male"}[d.sex.value]
    age = None if d.age is None else f"{d.age:g} years"
    height = None if d.height_cm is None else f"{d.height_cm:g} cm"
    facts = [
        Fact("Sex", sex or "unknown", _source(prediction, "sex")),
        Fact("Age", age or "unknown", _source(prediction, "age")),
        Fact("Height", height or "unknown", _source(prediction, "height", "height_cm")),
    ]
    if d.ethnicity is not None:
        facts.append(Fact("Ethnicity (GLI-2012 only)", d.ethnicity.replace("_", " "), _source(prediction, "ethnicity")))
    return tuple(facts)


def acquisition_facts(prediction: Prediction) -> tuple[Fact, ...]:
    """Tell what the header says of scanner and series, and where it is silent."""
    a, spacing = prediction.acquisition, prediction.geometry.spacing
    settings = ((a.kvp, "kV"), (a.tube_current_ma, "mA"))
    tube = [f"{value:g} {unit}" for value, unit in settings if value is not None]
    texts: list[tuple[str, str | None]] = [
        ("File format", a.format),
        ("Series", a.series_description),
        ("Why this series", sentence(a.choice) or None),
        ("Scanner", " ".join(t for t in (a.manufacturer, a.scanner) if t) or None),
        ("Kernel", a.kernel),
        ("Slice thickness", None if a.slice_thickness_mm is None else f"{a.slice_thickness_mm:g} mm"),
        ("Slices", None if a.slices is None else str(a.slices)),
        ("Voxels (x, y, z)", f"{_times(prediction.geometry.shape)}, each {_times(spacing)} mm"),
        ("X-ray tube", ", ".join(tube) or None),
        ("Contrast agent", a.contrast or "none named in the header"),
        ("Position on the table", a.patient_position),
        ("Padding outside the field of view", None if a.padding_hu is None else quantity(a.padding_hu, "HU")),
    ]
    return tuple(Fact(name, text or "not told by the file") for name, text in texts)


def _check_row(verdict: Verdict, overrides: tuple[str, ...]) -> CheckRow:
    return CheckRow(
        outcome=verdict.outcome.value,
        word=OUTCOME_WORDS[verdict.outcome],
        mark=OUTCOME_MARKS[verdict.outcome],
        name=check_name(verdict.check),
        found=found(verdict.value),
        limit=typeset(verdict.limit),
        meaning=sentence(verdict.meaning),
        remedy=sentence(verdict.remedy),
        overridden=any(_is_about(text, verdict.check) for text in overrides),
    )


def _is_about(override: str, check: str) -> bool:
    """Whether an override, ``"check"`` or ``"check: value (limit: ...)"``, is that of a check."""
    return override.split(":", maxsplit=1)[0].strip() == check


def _by_name(biomarkers: tuple[Biomarker, ...]) -> dict[tuple[str, str], Biomarker]:
    return {(b.region, b.name): b for b in biomarkers}


def _place(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)


def _words(name: str) -> str:
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _times(sizes: tuple[float, ...]) -> str:
    """Write sizes (z, y, x) as a reader expects them: x first."""
    return f" {TIMES} ".join(f"{size:.4g}" for size in reversed(sizes))


def _source(prediction: Prediction, *names: str) -> str:
    source = next((prediction.demographics_source[n] for n in names if n in prediction.demographics_source), "")
    return "" if source == "missing" else source
