"""Regions of the lungs: both, each, lobes, thirds by height, core and peel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.segmentation.morphology import bounding_box
from spiroct.types import BoolArray, Float64Array, UInt8Array, Vector3

SIDES: dict[str, tuple[int, ...]] = {"lungs": (1, 2), "right_lung": (1,), "left_lung": (2,)}
LOBES = {  # numbered as lungmask does
    "left_upper_lobe": 1,
    "left_lower_lobe": 2,
    "right_upper_lobe": 3,
    "right_middle_lobe": 4,
    "right_lower_lobe": 5,
}
ZONES = ("lower_zone", "middle_zone", "upper_zone")


def regions_of_voxels(lungs: UInt8Array, spacing: Vector3, lobes: UInt8Array | None = None) -> dict[str, BoolArray]:
    """Tell for each voxel of the lungs which regions it belongs to.

    Zones are thirds of each lung's own height. Core and peel are the inner and outer half of each lung's volume,
    by the distance to its surface, mediastinal surface included; own choice, as definitions differ.

    Parameters
    ----------
    lungs : array (z, y, x)
        1 right, 2 left; canonical orientation, z to the head.
    spacing : tuple of float
        Millimetres.
    lobes : array (z, y, x), optional
        1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower.

    Returns
    -------
    dict of str to array (n,)
        Membership of the voxels of ``lungs > 0`` in array order.
    """
    inside = lungs > 0
    side = lungs[inside]
    found: dict[str, BoolArray] = {name: np.isin(side, labels) for name, labels in SIDES.items()}
    if lobes is not None:
        of_voxel = lobes[inside]
        found |= {name: of_voxel == label for name, label in LOBES.items()}
    height = np.nonzero(inside)[0]
    depth = _depth(lungs, spacing)
    zone = np.zeros(len(side), np.uint8)
    core = np.zeros(len(side), bool)
    for label in (1, 2):
        own = side == label
        if own.any():
            z = height[own]
            zone[own] = np.minimum(3 * (z - z.min()) // (np.ptp(z) + 1), 2)
            core[own] = depth[own] > np.median(depth[own])
    found |= {name: zone == number for number, name in enumerate(ZONES)}
    return found | {"core": core, "peel": ~core}


def _depth(lungs: UInt8Array, spacing: Vector3) -> Float64Array:
    """Distance (mm) of each voxel of a lung to that lung's surface."""
    depth = np.zeros(lungs.shape, np.float32)
    for label in (1, 2):
        own = lungs == label
        if own.any():
            box = bounding_box(own, (1, 1, 1))
            # A border of background: the end of the array is a surface too, or cut lungs would be deep there.
            distance = ndimage.distance_transform_edt(np.pad(own[box], 1), sampling=spacing)
            depth[box] += distance[1:-1, 1:-1, 1:-1].astype(np.float32)
    within: Float64Array = depth[lungs > 0].astype(np.float64)
    return within
