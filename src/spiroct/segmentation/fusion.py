"""Fusion: one label map from many atlases' labels, by majority, STAPLE or local similarity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spiroct.errors import UsageError
from spiroct.types import Float32Array, UInt8Array, Vector3

LABELS = 2  # right and left lung
NEAR_MM = 8.0  # standard deviation of the window in which similarity is measured
NOISE_HU2 = 20.0**2  # below this mean square difference no atlas is better than another
GAIN = 2.0  # weight = (mean square difference) ** -GAIN


@dataclass(frozen=True)
class Vote:
    """What one registered atlas says on the patient's grid.

    Parameters
    ----------
    shares : array (2, z, y, x), float32
        Share of right and left lung in each voxel, 0 to 1.
    hu : array (z, y, x), float32
        The atlas's CT, deformed onto the patient.
    """

    shares: Float32Array
    hu: Float32Array


def fuse_by_majority(votes: Iterable[Vote], hu: Float32Array, spacing: Vector3) -> Float32Array:
    """Average the atlases; a label wins where more than half of them see it.

    Parameters
    ----------
    votes : iterable of Vote
        At least one; taken one at a time.
    hu : array (z, y, x)
        The patient's CT; not used here, as every fusion has the same arguments.
    spacing : tuple of float
        Millimetres.

    Returns
    -------
    array (2, z, y, x), float32
        Shares of right and left lung.
    """
    del hu, spacing
    total, count = None, 0
    for vote in votes:
        total = vote.shares.copy() if total is None else np.add(total, vote.shares, out=total)
        count += 1
    if total is None:
        raise ValueError("there are no atlases to fuse")
    return total / np.float32(count)


def fuse_by_local_similarity(votes: Iterable[Vote], hu: Float32Array, spacing: Vector3) -> Float32Array:
    """Average the atlases, each weighted in each place by how much its CT looks like the patient's there.

    The weight is the mean square difference of HU in a Gaussian window (8 mm) to the power of -2 (local weighting
    after Artaechevarria 2009, doi 10.1109/TMI.2009.2014372).

    Parameters
    ----------
    votes : iterable of Vote
        At least one; taken one at a time.
    hu : array (z, y, x)
        The patient's CT, clipped to the window of the votes' CTs.
    spacing : tuple of float
        Millimetres.

    Returns
    -------
    array (2, z, y, x), float32
        Shares of right and left lung.
    """
    sigma = [NEAR_MM / s for s in spacing]
    total = np.zeros((LABELS, *hu.shape), np.float32)
    weights = np.zeros(hu.shape, np.float32)
    for vote in votes:
        difference = ndimage.gaussian_filter(np.square(vote.hu - hu), sigma)
        weight = ((difference + NOISE_HU2) / NOISE_HU2) ** np.float32(-GAIN)
        total += weight * vote.shares
        weights += weight
    if not weights.any():
        raise ValueError("there are no atlases to fuse")
    return np.divide(total, weights, out=total)


def fuse_by_staple(votes: Iterable[Vote], hu: Float32Array, spacing: Vector3) -> Float32Array:
    """Estimate the truth and every atlas's reliability together (STAPLE, Warfield 2004, doi 10.1109/TMI.2004.828354).

    SimpleITK's multi-label STAPLE on the atlases' decided labels; where it is undecided, there is background. Only
    the box in which any atlas sees lung is given to it: background without end would make every atlas look perfect.

    Parameters
    ----------
    votes : iterable of Vote
        At least one; all are held, one byte a voxel each.
    hu : array (z, y, x)
        The patient's CT; not used here.
    spacing : tuple of float
        Millimetres; not used here.

    Returns
    -------
    array (2, z, y, x), float32
        0 or 1.
    """
    import SimpleITK as sitk

    del spacing
    decided = [decide(vote.shares) for vote in votes]
    if not decided:
        raise ValueError("there are no atlases to fuse")
    seen = np.zeros(hu.shape, bool)
    for labels in decided:
        seen |= labels > 0
    result = np.zeros((LABELS, *hu.shape), np.float32)
    if not seen.any():
        return result
    box = ndimage.find_objects(seen.astype(np.uint8))[0]
    images = [sitk.GetImageFromArray(np.ascontiguousarray(labels[box])) for labels in decided]
    fused = sitk.GetArrayFromImage(sitk.MultiLabelSTAPLE(images, LABELS + 1))
    for label in range(1, LABELS + 1):
        result[label - 1][box] = fused == label
    return result


def decide(shares: Float32Array) -> UInt8Array:
    """Choose in each voxel the larger share where it is above one half: 1 right, 2 left, 0 neither."""
    labels = np.where(shares[0] >= shares[1], 1, 2).astype(np.uint8)
    labels[shares.max(axis=0) <= 0.5] = 0
    return labels


FUSIONS = {"majority": fuse_by_majority, "staple": fuse_by_staple, "local": fuse_by_local_similarity}


def require_fusion(name: str) -> None:
    """Refuse a fusion that does not exist.

    Raises
    ------
    UsageError
        If it is not one of ``FUSIONS``.
    """
    if name not in FUSIONS:
        raise UsageError.unknown("fusion", name, FUSIONS)
