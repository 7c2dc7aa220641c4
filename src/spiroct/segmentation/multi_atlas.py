"""Lungs by many atlases: each is registered to the patient, brings its labels along, and the labels are fused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from spiroct.errors import ScanError
from spiroct.imaging.orientation import restore, to_canonical
from spiroct.imaging.resampling import resample_array, resample_volume
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.log import logger
from spiroct.segmentation.atlases import AtlasFiles, find_atlases, read_atlas
from spiroct.segmentation.fusion import FUSIONS, Vote, decide, require_fusion
from spiroct.segmentation.morphology import largest_components
from spiroct.segmentation.native_grid import labels_on
from spiroct.segmentation.registration import WINDOW_HU, Correspondence, register
from spiroct.segmentation.threshold_lungs import LEAST_LUNG_L
from spiroct.types import Float32Array

REGISTRATION_MM = 4.0
FUSION_MM = 2.0


def multi_atlas_lungs(volume: CTVolume, *, atlases: Path, fusion: str = "local") -> LabelMap:
    """Segment the lungs of a chest CT by atlases that are registered to it.

    The method of Jia 2023 (whose own atlases are not public): elastix, affine and then B-spline, and label fusion.
    Registration runs at 4 mm, fusion at 2 mm, and the result is brought to the scan's own grid; atlases are read
    one at a time, so memory does not grow with their number (STAPLE: one byte a voxel at 2 mm and atlas).

    Parameters
    ----------
    volume : CTVolume
        In any orientation.
    atlases : Path
        Folder or table of image and label pairs; see :func:`spiroct.segmentation.atlases.find_atlases`.
    fusion : {"local", "majority", "staple"}
        How labels are fused.

    Returns
    -------
    LabelMap
        1 right, 2 left, in the scan's own geometry.

    Raises
    ------
    UsageError
        If the fusion is not known.
    MissingExtraError
        If itk-elastix is not installed.
    InputError
        If the atlases are not there or not usable.
    ScanError
        If the scan shows no lungs.
    """
    require_fusion(fusion)
    found = find_atlases(atlases)
    canonical = to_canonical(volume)
    coarse, fine = (_at_least(canonical, mm) for mm in (REGISTRATION_MM, FUSION_MM))
    window = np.clip(fine.hu, *WINDOW_HU)
    shares = FUSIONS[fusion](_votes(found, coarse, fine.geometry), window, fine.geometry.spacing)
    shares = _one_piece_each(shares)
    litres = float(np.count_nonzero(decide(shares))) * fine.geometry.voxel_volume_ml / 1000
    if litres < LEAST_LUNG_L:
        raise ScanError(
            f"the atlases agree on {litres:.2f} L of lung only",
            f"a chest CT shows at least {LEAST_LUNG_L:g} L of lung",
            "use more atlases like this patient, or --lungs threshold",
        )
    native = canonical.geometry
    return restore(LabelMap(labels_on(shares, fine.geometry, native), native), volume.geometry)


def carried_vote(
    atlas: CTVolume, shares: Float32Array, coarse: Geometry, places: Correspondence, onto: Geometry
) -> Vote:
    """Carry an atlas's labels and HU through a correspondence onto a patient's finer grid.

    Parameters
    ----------
    atlas : CTVolume
        The atlas, canonical axes.
    shares : array (2, z, y, x), float32
        Share of right and left lung in the atlas's voxels.
    coarse : Geometry
        The patient's grid on which it was registered.
    places : Correspondence
        Voxel indices in the atlas, for each voxel of a box of ``coarse``.
    onto : Geometry
        The patient's grid to carry to, with the same axes.

    Returns
    -------
    Vote
        Linear interpolation throughout; outside the box and outside the atlas there is no lung, and air.
    """
    scale = np.asarray(onto.spacing) / np.asarray(coarse.spacing)
    first = coarse.index(onto.origin) - [axis.start for axis in places.box]
    shape = places.indices.shape[1:]
    # The finer voxels whose centres lie in the registered box.
    low = np.maximum(0, np.ceil(-0.5 / scale - first / scale)).astype(int)
    high = np.minimum(onto.shape, np.floor((np.asarray(shape) - 0.5 - first) / scale).astype(int) + 1)
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    size = tuple(int(n) for n in np.maximum(0, high - low))
    finer = np.stack(
        [
            ndimage.affine_transform(axis, scale, first + scale * low, output_shape=size, order=1, mode="nearest")
            for axis in places.indices
        ]
    )
    carried = np.zeros((2, *onto.shape), np.float32)
    for label, share in enumerate(shares):
        carried[label][box] = _pulled(share, finer, outside=0.0)
    hu = np.full(onto.shape, WINDOW_HU[0], np.float32)
    hu[box] = _pulled(np.clip(atlas.hu, *WINDOW_HU), finer, outside=WINDOW_HU[0])
    return Vote(carried, hu)


def _votes(atlases: tuple[AtlasFiles, ...], coarse: CTVolume, onto: Geometry) -> Iterator[Vote]:
    for number, files in enumerate(atlases, start=1):
        scan, lungs = read_atlas(files)
        atlas = _at_least(scan, FUSION_MM)
        shares = np.stack(
            [
                resample_array(
                    (lungs.labels == label).astype(np.float32), scan.geometry.spacing, atlas.geometry.spacing
                )
                for label in (1, 2)
            ]
        )
        coarse_atlas = _at_least(scan, REGISTRATION_MM)
        places = register(coarse, coarse_atlas).within(coarse_atlas.geometry, atlas.geometry)
        logger.info("registered atlas %s (%d of %d)", files.name, number, len(atlases))
        yield carried_vote(atlas, shares, coarse.geometry, places, onto)


def _at_least(volume: CTVolume, millimetres: float) -> CTVolume:
    """Bring a volume to a grid no finer than so many millimetres."""
    z, y, x = (max(s, millimetres) for s in volume.geometry.spacing)
    return resample_volume(volume, (z, y, x))


def _pulled(values: Float32Array, indices: Float32Array, *, outside: float) -> Float32Array:
    pulled: Float32Array = ndimage.map_coordinates(values, indices, order=1, mode="constant", cval=outside)
    return pulled


def _one_piece_each(shares: Float32Array) -> Float32Array:
    """Keep the largest piece of each lung, so that no scrap of a misled atlas stays."""
    labels = decide(shares)
    kept = shares.copy()
    for label in (1, 2):
        pieces = largest_components(labels == label, 1)
        if pieces:
            kept[label - 1][(labels == label) & ~pieces[0]] = 0.0
    return kept
