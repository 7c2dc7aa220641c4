"""Anatomy on the network's patch: which share of each voxel belongs to which region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from spiroct.attribution.cells import interpolate
from spiroct.biomarkers.ild import ild_maps
from spiroct.biomarkers.regions import regions_of_voxels
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.resampling import resample_labels, resample_volume
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.segmentation.threshold_lungs import body_inside
from spiroct.types import BoolArray, Float32Array, UInt8Array, Vector3

FINEST_MM, FINER = 1.5, 2.5  # of the grid that regions are found on, and how much finer it is than the patch
FAT_HU, SOFT_HU, BONE_HU = (-150.0, -30.0), (-30.0, 180.0), 180.0

NOT_SEGMENTED = "not segmented on scans; it is part of the mediastinum there"


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Regions on the patch.

    Parameters
    ----------
    shares : dict of str to array (z, y, x)
        Share of each voxel that belongs to the region, 0 to 1.
    parts : tuple of str
        Regions that do not overlap and together make up the whole patch.
    reasons : dict of str to str
        Regions that could not be found, and why.
    """

    shares: dict[str, Float32Array]
    parts: tuple[str, ...]
    reasons: dict[str, str] = field(default_factory=dict)


def anatomy_of_scan(
    volume: CTVolume,
    lungs: LabelMap,
    patch: Geometry,
    *,
    vessels: LabelMap | None = None,
    airways: LabelMap | None = None,
    lobes: LabelMap | None = None,
) -> Anatomy:
    """Find the regions of a scan by its masks and, outside the lungs, by density and place.

    Chest wall is split by HU into bone, fat and muscle (with skin and glands); mediastinum is what lies between the
    lungs in a row of an axial slice; abdomen is soft tissue below a lung.

    Parameters
    ----------
    volume : CTVolume
        In any orientation.
    lungs : LabelMap
        1 right, 2 left, on the scan's grid.
    patch : Geometry
        From :attr:`Subject.geometry`.
    vessels, airways, lobes : LabelMap, optional
        Of any grid.
    """
    canonical = to_canonical(volume)
    wanted = max(FINEST_MM, min(patch.spacing) / FINER)
    fine = min(canonical.geometry.spacing) < wanted
    working = resample_volume(canonical, (wanted,) * 3) if fine else canonical
    grid, hu = working.geometry, working.hu
    labels = resample_labels(to_canonical(lungs), grid).labels
    given = {"vessels": vessels, "airways": airways, "lobes": lobes}
    on_grid = {n: resample_labels(to_canonical(m), grid).labels for n, m in given.items() if m is not None}
    lumen = on_grid["airways"] > 0 if airways is not None else np.zeros(hu.shape, bool)
    found = _in_lungs(labels, grid.spacing, on_grid.get("lobes"))
    judged, dense, mixed = ild_maps(hu, labels > 0, lumen, grid.spacing)
    found["ild"] = judged & (dense | mixed)
    for name in ("vessels", "airways"):
        if name in on_grid:
            found[name] = (on_grid[name] > 0) & ((labels > 0) | (name == "airways"))
    outside = _outside_lungs(hu, labels, grid.spacing)
    reasons = dict.fromkeys(("heart", "oesophagus"), NOT_SEGMENTED)
    reasons |= {n: "no mask was given or made" for n in ("vessels", "airways") if given[n] is None}
    if lobes is None:
        reasons["lobes"] = "no mask was given"
    return carried(found | outside, grid, patch, tuple(outside), reasons)


def anatomy_of_labels(labels: Mapping[str, UInt8Array], grid: Geometry, patch: Geometry) -> Anatomy:
    """Take the regions of a simulated patient from its truth.

    Parameters
    ----------
    labels : mapping of str to array
        As :class:`spiroct.phantom.render.Phantom` has them.
    grid, patch : Geometry
        Of the labels, in canonical axes, and of the patch.
    """
    lungs = labels["lungs"]
    found = _in_lungs(lungs, grid.spacing, labels["lobes"])
    found |= {name: labels[name] > 0 for name in ("vessels", "airways", "ild")}
    free, outside = (labels["body"] > 0) & (lungs == 0), dict[str, BoolArray]()
    for name in ("heart", "great_vessels", "oesophagus", "bone", "muscle", "fat", "skin", "breast", "liver"):
        outside[name] = (labels[name] > 0) & free
        free = free & ~outside[name]
    return carried(found | outside | {"other_body": free}, grid, patch, (*outside, "other_body"), {})


def carried(
    masks: Mapping[str, BoolArray], grid: Geometry, patch: Geometry, outside: tuple[str, ...], reasons: dict[str, str]
) -> Anatomy:
    """Carry masks to the patch as shares of its voxels; what no part holds is outside the body."""
    shares = {name: interpolate(mask, grid, patch, averaged=True) for name, mask in masks.items()}
    parts = ("right_lung", "left_lung", *outside)
    rest = 1.0 - np.sum([shares[name] for name in parts], axis=0)
    shares["outside_body"] = np.clip(rest, 0.0, 1.0).astype(np.float32)
    return Anatomy(shares, (*parts, "outside_body"), reasons)


def _in_lungs(lungs: UInt8Array, spacing: Vector3, lobes: UInt8Array | None) -> dict[str, BoolArray]:
    inside, found = lungs > 0, dict[str, BoolArray]()
    for name, members in regions_of_voxels(lungs, spacing, lobes).items():
        if not name.endswith("zone"):
            found[name] = np.zeros(lungs.shape, bool)
            found[name][inside] = members
    return found


def _outside_lungs(hu: Float32Array, lungs: UInt8Array, spacing: Vector3) -> dict[str, BoolArray]:
    inside = lungs > 0
    free = (body_inside(hu, spacing) | inside) & ~inside
    bone = free & (hu > BONE_HU)
    soft = free & (hu > SOFT_HU[0]) & ~bone
    fat = free & (hu > FAT_HU[0]) & (hu <= FAT_HU[1])
    between = free & ~bone & _between(lungs)
    # Seen from below, a lung lies above: liver, spleen and stomach, whatever their density.
    above = np.cumsum(inside[::-1], axis=0)[::-1] > 0
    below_lung = above & ~(np.cumsum(inside, axis=0) > 0)
    abdomen = free & ~bone & ~between & below_lung
    rest = free & ~bone & ~between & ~abdomen
    named = {"mediastinum": between, "abdomen": abdomen, "bone": bone, "muscle": rest & soft, "fat": rest & fat}
    return named | {"other_body": rest & ~soft & ~fat}


def _between(lungs: UInt8Array) -> BoolArray:
    """Find what lies between right and left lung in the rows that both reach; canonical axes, right first."""
    right, left = lungs == 1, lungs == 2
    after_right = np.cumsum(right, axis=2) > 0
    before_left = np.cumsum(left[:, :, ::-1], axis=2)[:, :, ::-1] > 0
    both = right.any(axis=2, keepdims=True) & left.any(axis=2, keepdims=True)
    found: BoolArray = after_right & before_left & both & (lungs == 0)
    return found
