"""From a working grid back to the scan's own: each label at its half level, a few slices at a time."""

from __future__ import annotations

import numpy as np

from spiroct.imaging.resampling import linear_on_axes
from spiroct.imaging.volume import Geometry
from spiroct.segmentation.morphology import bounding_box
from spiroct.types import Float32Array, Float64Array, UInt8Array

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
    boxes = [_fine_box(share, scale, offset, native.shape) for share in shares]
    slices = max(1, SLAB_VOXELS // (native.shape[1] * native.shape[2]))
    for start in range(0, native.shape[0], slices):
        slab = fine[start : start + slices]
        best = np.full(slab.shape, 0.5, np.float32)
        for label, (share, box) in enumerate(zip(shares, boxes, strict=True), start=1):
            if box is None:
                continue
            z = slice(max(box[0].start - start, 0), min(box[0].stop - start, len(slab)))
            if z.start >= z.stop:
                continue
            part = (z, box[1], box[2])
            fine_box = (slice(start + z.start, start + z.stop), box[1], box[2])
            finer = linear_on_axes(
                share, [o + s * np.arange(b.start, b.stop) for o, s, b in zip(offset, scale, fine_box, strict=True)]
            )
            slab[part][finer > best[part]] = label
            np.maximum(best[part], finer, out=best[part])
    return fine


def _fine_box(
    share: Float32Array, scale: Float64Array, offset: Float64Array, shape: tuple[int, int, int]
) -> tuple[slice, slice, slice] | None:
    """Where on the native grid a label can have a share: around its box, to the edge where it touches the border."""
    if not share.any():
        return None
    box = []
    for axis, coarse in enumerate(bounding_box(share > 0)):
        touches = coarse.start == 0, coarse.stop == share.shape[axis]
        first = 0 if touches[0] else int(np.floor((coarse.start - 1 - offset[axis]) / scale[axis]))
        last = shape[axis] if touches[1] else int(np.ceil((coarse.stop - offset[axis]) / scale[axis])) + 1
        box.append(slice(min(max(first, 0), shape[axis]), min(max(last, 0), shape[axis])))
    return (box[0], box[1], box[2])
