"""Two versions of one simulated patient that differ in one place only: the truth that a map can be held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from spiroct.imaging.volume import Geometry
from spiroct.pft.measures import Measure
from spiroct.phantom.causes import EFFECTS
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.render import Phantom, render
from spiroct.types import BoolArray, Int16Array, UInt8Array

WELL: Mapping[str, float] = {
    "ild_extent": 0.0,
    "emphysema": 0.0,
    "vasculopathy": 0.0,
    "chest_wall_stiffness": 0.0,
    "muscle_weakness": 0.0,
    "oesophagus_width_mm": 10.0,
}
ILD = {"ild_extent": 0.35, "ild_asymmetry": 0.0}
# What changes, and the measure whose map is asked; the oesophagus causes nothing (the planted confounder).
CHANGES: Mapping[str, tuple[Mapping[str, float], Measure]] = {
    "ild": (ILD, Measure.DLCO),
    "one_lobe": (ILD, Measure.DLCO),
    "vessels": ({"vasculopathy": 3.0}, Measure.DLCO),
    "chest_wall": ({"chest_wall_stiffness": 4.0, "muscle_weakness": 3.0}, Measure.TLC),
    "oesophagus": ({"oesophagus_width_mm": 30.0}, Measure.DLCO),
}
_WALL = ("skin", "fat", "muscle", "breast")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two versions of a patient.

    Parameters
    ----------
    change : str
        One of ``CHANGES``.
    measure : Measure
        Whose map is asked.
    before, after : array (z, y, x), int16
        HU.
    truth : array (z, y, x)
        Where they differ: in the changed structure and one voxel around it, as the scanner blurs.
    """

    change: str
    measure: Measure
    before: Int16Array
    after: Int16Array
    truth: BoolArray


@dataclass(frozen=True, eq=False)
class Versions:
    """A patient without disease and all pairs that begin with him.

    Parameters
    ----------
    well : Phantom
        The version without disease.
    geometry : Geometry
        Of all arrays; canonical axes.
    pairs : dict of str to Pair
    """

    well: Phantom
    geometry: Geometry
    pairs: dict[str, Pair]

    @property
    def lungs(self) -> UInt8Array:
        """Lungs (z, y, x) of the version without disease: 1 right, 2 left."""
        return self.well.labels["lungs"]


def versions_of(patient: PhantomPatient, *, spacing_mm: float) -> Versions:
    """Render a patient without disease, and with one change at a time.

    No cause acts on this patient's lung function (``without``), so that lungs and body keep their shape; and what is
    rendered differently outside the changed structure (the density of the lung around ILD, say) is put back.

    Parameters
    ----------
    patient : PhantomPatient
    spacing_mm : float
        Isotropic grid.
    """
    base = replace(patient.changed(**WELL), without=EFFECTS)
    well = render(base, spacing=spacing_mm)
    rendered: dict[str, Phantom] = {}
    pairs = {}
    for name, (changes, measure) in CHANGES.items():
        key = repr(sorted(changes.items()))
        if key not in rendered:
            rendered[key] = render(base.changed(**changes), spacing=spacing_mm)
        changed = rendered[key]
        after = np.where(_where(name, well, changed), changed.hu, well.hu).astype(np.int16)
        pairs[name] = Pair(name, measure, well.hu, after, after != well.hu)
    z, y, x = well.origin
    return Versions(well, Geometry(well.hu.shape, well.spacing, (x, y, z)), pairs)


def named_pairs(versions: Versions) -> Iterator[Pair]:
    """Give the pairs in which anything differs: a patient may have no disease in a lobe, say."""
    return (pair for pair in versions.pairs.values() if (pair.before != pair.after).any())


def _where(name: str, well: Phantom, changed: Phantom) -> BoolArray:
    one, other = well.labels, changed.labels
    lung = (one["lungs"] > 0) & (other["lungs"] > 0)
    if name in ("ild", "one_lobe"):
        sick = (other["ild"] > 0) & lung
        if name == "one_lobe":
            counts = np.bincount(one["lobes"][sick], minlength=6)
            sick &= one["lobes"] == int(np.argmax(counts[1:]) + 1)
            lung &= one["lobes"] == int(np.argmax(counts[1:]) + 1)
        return np.asarray(_blurred(sick) & lung)
    if name == "vessels":
        great = (one["great_vessels"] > 0) != (other["great_vessels"] > 0)
        return _blurred((one["vessels"] > 0) | (other["vessels"] > 0) | great)
    if name == "chest_wall":
        wall: BoolArray = np.zeros(lung.shape, bool)
        for name_of_part in _WALL:
            wall |= (one[name_of_part] > 0) | (other[name_of_part] > 0)
        return np.asarray(_blurred(wall) & (one["lungs"] == 0))
    return np.asarray(_blurred((one["oesophagus"] > 0) | (other["oesophagus"] > 0)) & (one["lungs"] == 0))


def _blurred(mask: BoolArray) -> BoolArray:
    grown: BoolArray = ndimage.binary_dilation(mask, np.ones((3, 3, 3), bool))
    return grown
