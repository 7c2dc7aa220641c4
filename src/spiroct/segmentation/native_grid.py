"""From a working grid back to the scan's own: each label at its half level, a few slices at a time."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.imaging.volume import Geometry
from spiroct.types import Float32Array, UInt8Array

SLAB_VOXELS = 16_000_000


def labels_on(shares: Float32Array, working: Geometry, native: Geometry) -> UInt8Array:
    """Interpolate shares of labels linearly and keep, in each voxel, the largest above one half.

    Parameters
    ----------
    shares : array (labels, z, y, x), float32
        Share of label 1, 2, ... in each voxel of the working grid, 0 to 1.
    working, native : Geometry
        Grids with the same axes; beyond the working grid its border counts.

    Returns
    -------
    array (z, y, x), uint8
        On the native grid. Memory beyond it is that of some 16 million voxels.
    """
    fine = np.zeros(native.shape, np.uint8)
    if working == native:
        best = np.full(native.shape, 0.5, np.float32)
        for label, share in enumerate(shares, start=1):
            fine[share > best] = label
            np.maximum(best, share, out=best)
        return fine
    scale = np.asarray(native.spacing) / np.asarray(working.spacing)
    offset = working.index(native.origin)
    slices = max(1, SLAB_VOXELS // (native.shape[1] * native.shape[2]))
    for start in range(0, native.shape[0], slices):
        slab = fine[start : start + slices]
        best = np.full(slab.shape, 0.5, np.float32)
        first = offset + scale * (start, 0, 0)
        for label, share in enumerate(shares, start=1):
            finer = ndimage.affine_transform(
                share, scale, first, output_shape=slab.shape, output=np.float32, order=1, mode="nearest"
            )
            slab[finer > best] = label
            np.maximum(best, finer, out=best)
    return fine
