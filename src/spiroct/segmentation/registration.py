"""Registration of one chest CT to another by elastix: an affine transform, then a B-spline (extra ``[atlas]``)."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from spiroct.errors import ScanError
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.optional import require
from spiroct.segmentation.morphology import Box
from spiroct.segmentation.threshold_lungs import LEAST_LUNG_L, LUNG_HU, body_inside
from spiroct.types import Float32Array, Float64Array

# Window of the metric: bone and metal say nothing of the lungs.
WINDOW_HU = (-1000.0, 200.0)
MARGIN_MM = 50.0  # around the aerated lung: consolidated bases and apices are to be found too
STRETCH = (0.6, 1.7)  # of an atlas along each axis, before the registration begins
SEED = 20231
# Order of the stages and what they are: see docs/concepts/lung-masks.md.
RESOLUTIONS = 3
GRID_MM = 24.0  # final control points of the B-spline
ITERATIONS = {"AffineTransform": 200, "BSplineTransform": 300}
SAMPLES = {"AffineTransform": 2048, "BSplineTransform": 4096}


@dataclass(frozen=True)
class Correspondence:
    """Where each voxel of a part of the fixed image lies in the moving one.

    Parameters
    ----------
    box : tuple of slice
        Part of the fixed grid that was registered.
    indices : array (3, z, y, x), float32
        Continuous voxel indices in the moving grid, for each voxel of the box.
    """

    box: Box
    indices: Float32Array

    def within(self, registered: Geometry, other: Geometry) -> Correspondence:
        """Name the same places on another grid of the moving image, with the same axes."""
        ratio = np.asarray(registered.spacing) / np.asarray(other.spacing)
        start = other.index(registered.origin)
        indices = self.indices * ratio.reshape(3, 1, 1, 1) + start.reshape(3, 1, 1, 1)
        return Correspondence(self.box, indices.astype(np.float32))


def elastix_parameters(transform: str) -> dict[str, list[str]]:
    """Parameter map of one stage.

    Mutual information (Mattes, 32 bins) instead of differences of HU: a fibrotic lung is darker than soft tissue
    by less than an atlas's is, and the metric has to bear that. Samples are drawn anew at every iteration from a fixed
    seed; the optimiser is adaptive stochastic gradient descent (Klein 2009, doi 10.1007/s11263-008-0168-y).

    Parameters
    ----------
    transform : {"AffineTransform", "BSplineTransform"}
        The stage.

    Returns
    -------
    dict of str to list of str
        As elastix reads it (https://elastix.dev, manual, chapter 5).
    """
    halving = [2 ** (RESOLUTIONS - 1 - level) for level in range(RESOLUTIONS)]
    parameters = {
        "Registration": ["MultiResolutionRegistration"],
        "FixedInternalImagePixelType": ["float"],
        "MovingInternalImagePixelType": ["float"],
        "FixedImagePyramid": ["FixedSmoothingImagePyramid"],
        "MovingImagePyramid": ["MovingSmoothingImagePyramid"],
        "NumberOfResolutions": [str(RESOLUTIONS)],
        "ImagePyramidSchedule": [str(factor) for factor in halving for _ in range(3)],
        "Interpolator": ["LinearInterpolator"],
        "ResampleInterpolator": ["FinalLinearInterpolator"],
        "Resampler": ["DefaultResampler"],
        "Metric": ["AdvancedMattesMutualInformation"],
        "NumberOfHistogramBins": ["32"],
        "ImageSampler": ["RandomCoordinate"],
        "NumberOfSpatialSamples": [str(SAMPLES[transform])],
        "NewSamplesEveryIteration": ["true"],
        "RequiredRatioOfValidSamples": ["0.05"],
        "RandomSeed": [str(SEED)],
        "Optimizer": ["AdaptiveStochasticGradientDescent"],
        "MaximumNumberOfIterations": [str(ITERATIONS[transform])],
        "AutomaticParameterEstimation": ["true"],
        "Transform": [transform],
        "HowToCombineTransforms": ["Compose"],
        "AutomaticTransformInitialization": ["false"],  # the boxes of the lungs were laid upon each other before
        "AutomaticScalesEstimation": ["true"],
        "WriteResultImage": ["false"],
    }
    if transform == "BSplineTransform":
        parameters["FinalGridSpacingInPhysicalUnits"] = [str(GRID_MM)] * 3
        parameters["GridSpacingSchedule"] = [str(factor) for factor in halving]
    return parameters


def register(fixed: CTVolume, moving: CTVolume, *, threads: int = 1) -> Correspondence:
    """Register a moving chest CT to a fixed one.

    Before elastix begins, the moving image is shifted and stretched along its axes so that the boxes of the aerated
    lungs coincide. The registration sees the fixed lungs and 5 cm around them.

    Parameters
    ----------
    fixed, moving : CTVolume
        Both on canonical axes and on coarse grids (3 to 5 mm); their own axes count, so that obliqueness does not.
    threads : int
        Threads of elastix; with one the result is the same on every run.

    Returns
    -------
    Correspondence

    Raises
    ------
    MissingExtraError
        If itk-elastix is not installed.
    ScanError
        If one of the two shows no lungs.
    """
    itk = require("itk", extra="atlas", feature="multi-atlas lung segmentation")
    spacing = np.asarray(fixed.geometry.spacing)
    low, high = aerated_box(fixed)
    own_low, own_high = aerated_box(moving)
    stretch = np.clip((high - low) / (own_high - own_low), *STRETCH)
    stretched = np.asarray(moving.geometry.spacing) * stretch
    shift = (low + high) / 2 - stretch * (own_low + own_high) / 2
    first = np.maximum(0, np.floor((low - MARGIN_MM) / spacing)).astype(int)
    last = np.minimum(fixed.hu.shape, np.ceil((high + MARGIN_MM) / spacing).astype(int) + 1)
    box = (slice(first[0], last[0]), slice(first[1], last[1]), slice(first[2], last[2]))
    fixed_image = _itk_image(itk, fixed.hu[box], spacing, first * spacing)
    moving_image = _itk_image(itk, moving.hu, stretched, shift)
    parameters = itk.ParameterObject.New()
    for transform in ITERATIONS:
        parameters.AddParameterMap(elastix_parameters(transform))
    with tempfile.TemporaryDirectory() as folder:  # transformix writes the field into a file as well
        _, found = itk.elastix_registration_method(
            fixed_image,
            moving_image,
            parameter_object=parameters,
            output_directory=folder,
            log_to_console=False,
            number_of_threads=threads,
        )
        field = itk.array_from_image(
            itk.transformix_deformation_field(moving_image, found, output_directory=folder, log_to_console=False)
        )
    indices = np.empty((3, *field.shape[:3]), np.float32)
    for axis in range(3):
        places = (first[axis] + np.arange(field.shape[axis])) * spacing[axis]
        along = places.reshape([-1 if a == axis else 1 for a in range(3)]) + field[..., 2 - axis]
        indices[axis] = (along - shift[axis]) / stretched[axis]
    return Correspondence(box, indices)


def aerated_box(volume: CTVolume) -> tuple[Float64Array, Float64Array]:
    """Find the box of the air in the chest: from the 2nd to the 98th percentile of its voxels along each axis.

    Parameters
    ----------
    volume : CTVolume
        On canonical axes; a grid of 3 to 5 mm is enough.

    Returns
    -------
    low, high : array (3,)
        Corners in mm from the centre of the first voxel.

    Raises
    ------
    ScanError
        If there is less than 0.4 L of aerated tissue inside the body.
    """
    spacing = volume.geometry.spacing
    air = ndimage.binary_opening((volume.hu < LUNG_HU) & body_inside(volume.hu, spacing))
    labels, _ = ndimage.label(air)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    air = (sizes >= 0.1 * max(1, int(sizes.max())))[labels] & air
    litres = float(np.count_nonzero(air)) * volume.geometry.voxel_volume_ml / 1000
    if litres < LEAST_LUNG_L:
        raise ScanError(
            f"no lungs were found in the scan ({litres:.2f} L of aerated tissue inside the body)",
            f"a chest CT shows at least {LEAST_LUNG_L:g} L of lung",
            "name a CT of the chest",
        )
    corners = np.empty((2, 3))
    for axis in range(3):
        share = np.cumsum(air.sum(axis=tuple(a for a in range(3) if a != axis))) / np.count_nonzero(air)
        corners[:, axis] = np.searchsorted(share, (0.02, 0.98)) * spacing[axis]
    return corners[0], corners[1]


def _itk_image(itk: Any, hu: Float32Array, spacing: Float64Array, origin: Float64Array) -> Any:
    """Hand a volume to ITK in its own axes: millimetres along x, y, z of the array."""
    image = itk.image_from_array(np.clip(hu, *WINDOW_HU).astype(np.float32))
    image.SetSpacing([float(s) for s in spacing[::-1]])
    image.SetOrigin([float(o) for o in origin[::-1]])
    return image
