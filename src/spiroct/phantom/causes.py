"""The causes that a simulated patient can have: their ranges, known words, and which act on lung function."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal, get_args

from spiroct.errors import UsageError

Kernel = Literal["soft", "standard", "sharp"]
Subset = Literal["non-cutaneous", "diffuse", "limited", "other", "none"]
Site = Literal["A", "B"]
Preset = Literal["ssc", "healthy"]

CHOICES: dict[str, tuple[str, ...]] = {
    "sex": ("F", "M"),
    "subset": get_args(Subset),
    "site": get_args(Site),
    "preset": get_args(Preset),
    "kernel": get_args(Kernel),
}

_Z = (-6.0, 6.0)
_SEED = (0, 2**32 - 1)
# Smallest and largest value that a record may hold: what a renderer must cope with, wider than what is drawn.
RANGES: dict[str, tuple[float, float]] = {
    "variant": (1, 2),
    "age": (18.0, 90.0),
    "height_cm": (120.0, 220.0),
    "bmi": (13.0, 50.0),
    "ild_extent": (0.0, 0.8),
    "ild_ground_glass": (0.0, 1.0),
    "ild_reticulation": (0.0, 1.0),
    "ild_honeycombing": (0.0, 1.0),
    "ild_basal": (0.0, 1.0),
    "ild_asymmetry": (-1.0, 1.0),
    "emphysema": (0.0, 0.8),
    "emphysema_upper": (0.0, 1.0),
    "vasculopathy": (0.0, 8.0),
    "chest_wall_stiffness": (0.0, 10.0),
    "muscle_weakness": (0.0, 10.0),
    "oesophagus_width_mm": (5.0, 60.0),
    "airway_narrowing": (0.0, 8.0),
    "airway_size_z": _Z,
    "capillary_z": _Z,
    "lung_size_z": _Z,
    "fvc_z": _Z,
    "vessel_calibre_z": _Z,
    "effort": (0.5, 1.0),
    "tissue_z": _Z,
    "thorax_width_z": _Z,
    "thorax_depth_z": _Z,
    "diaphragm_z": _Z,
    "heart_size_z": _Z,
    "fat_z": _Z,
    "muscle_z": _Z,
    "breast_z": _Z,
    "calcification_z": _Z,
    "haemoglobin": (5.0, 20.0),
    "noise_hu": (0.0, 200.0),
    "slice_thickness_mm": (0.2, 10.0),
    "spacing_mm": (0.4, 5.0),
    "slice_spacing_mm": (0.2, 10.0),
    "fov_mm": (200.0, 700.0),
    "padding_hu": (-4000.0, -1000.0),
    "calibration_offset_hu": (-60.0, 60.0),
    "calibration_slope": (0.9, 1.1),
    "seed": (0, 2**63 - 1),
    "index": (0, 2**31 - 1),
    "anatomy_seed": _SEED,
    "vessel_seed": _SEED,
    "texture_seed": _SEED,
    "noise_seed": _SEED,
    "noise_dlco": _Z,
    "noise_fev1": _Z,
    "noise_fvc": _Z,
    "noise_tlc": _Z,
}
PATTERNS = ("ild_ground_glass", "ild_reticulation", "ild_honeycombing")
# Causes whose effect on the lung function can be switched off, while the CT goes on showing them.
EFFECTS = (
    "ild_extent",
    "emphysema",
    "vasculopathy",
    "chest_wall_stiffness",
    "muscle_weakness",
    "airway_narrowing",
    "airway_size_z",
    "capillary_z",
    "fvc_z",
)


def check_effects(names: tuple[str, ...]) -> None:
    """Refuse names that are not causes of lung function, listing the known ones."""
    for name in names:
        if name not in EFFECTS:
            raise UsageError(f"effect {name!r}{guess(name, EFFECTS)}", *known_names("effects", EFFECTS))


def effects_named(names: Iterable[str]) -> tuple[str, ...]:
    """Complete names of causes of lung function: the beginning is enough where only one begins so.

    Raises
    ------
    UsageError
        If a name is the beginning of none of them, or of several; the known ones are listed.
    """
    completed = []
    for name in names:
        beginning = [effect for effect in EFFECTS if name and effect.startswith(name)]
        completed.append(beginning[0] if len(beginning) == 1 else name)
    check_effects(tuple(completed))
    return tuple(dict.fromkeys(completed))


def guess(name: str, known: Iterable[str]) -> str:
    """Name the nearest known word, for a message; nothing when none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def known_names(kind: str, names: Iterable[str]) -> tuple[str, str]:
    """Rule and remedy of a message that lists the known words."""
    return f"the {kind} are {', '.join(names)}", "use one of these"
