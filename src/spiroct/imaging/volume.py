"""The nouns of imaging: Geometry, CTVolume and LabelMap; an array never travels without its geometry."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spiroct.imaging.acquisition import Acquisition
from spiroct.types import Float32Array, Float64Array, Shape3, UInt8Array, Vector3

Matrix3 = tuple[Vector3, Vector3, Vector3]

# Array axes (z, y, x) point to head, back and the patient's left: an axial stack as every viewer shows it.
CANONICAL_DIRECTION: Matrix3 = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


@dataclass(frozen=True)
class Geometry:
    """Where a voxel array lies in the patient (LPS coordinates, millimetres).

    The centre of voxel ``index = (i_z, i_y, i_x)`` lies at ``origin + direction @ (spacing * index)``.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along the array axes (z, y, x).
    spacing : tuple of float
        Distance of voxel centres along the array axes (z, y, x), in mm.
    origin : tuple of float
        Physical point (L, P, S) of the centre of voxel (0, 0, 0), in mm.
    direction : 3 x 3 tuple of float
        Column j is the unit vector, in (L, P, S), of array axis j. The canonical frame is
        ``CANONICAL_DIRECTION``: z to the head, y to the back, x to the patient's left.

    Raises
    ------
    ValueError
        If a size or spacing is not positive or the direction is not orthonormal.
    """

    shape: Shape3
    spacing: Vector3
    origin: Vector3 = (0.0, 0.0, 0.0)
    direction: Matrix3 = CANONICAL_DIRECTION

    def __post_init__(self) -> None:
        """Refuse a geometry that no voxel array can have."""
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape {self.shape} must be three positive sizes (z, y, x)")
        if len(self.spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in self.spacing):
            raise ValueError(f"spacing {self.spacing} must be three positive millimetres (z, y, x)")
        matrix = self.direction_matrix
        if matrix.shape != (3, 3) or not np.allclose(matrix.T @ matrix, np.eye(3), atol=1e-3):
            raise ValueError(f"direction {self.direction} must be orthonormal")

    @property
    def direction_matrix(self) -> Float64Array:
        """Direction as a (3, 3) array; column j is the unit vector of array axis j."""
        return np.asarray(self.direction, dtype=np.float64)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel, in millilitres."""
        return float(np.prod(self.spacing)) / 1000.0

    def point(self, index: Float64Array | Vector3) -> Float64Array:
        """Physical points (..., 3), LPS in mm, of voxel indices (..., 3) in array order."""
        scaled = np.asarray(index, dtype=np.float64) * np.asarray(self.spacing)
        points: Float64Array = np.asarray(self.origin) + scaled @ self.direction_matrix.T
        return points

    def index(self, point: Float64Array | Vector3) -> Float64Array:
        """Continuous voxel indices (..., 3) in array order of physical points (..., 3), LPS in mm."""
        offset = np.asarray(point, dtype=np.float64) - np.asarray(self.origin)
        indices: Float64Array = (offset @ self.direction_matrix) / np.asarray(self.spacing)
        return indices


@dataclass(frozen=True, eq=False)
class CTVolume:
    """A chest CT in Hounsfield units.

    Parameters
    ----------
    hu : array (z, y, x), float32
        Hounsfield units; padding outside the field of view is the air value -1000 or what the reader says in
        ``acquisition``.
    geometry : Geometry
        Where the array lies in the patient.
    acquisition : Acquisition
        What the file tells of scanner, series and patient (nothing that names a person).
    """

    hu: Float32Array
    geometry: Geometry
    acquisition: Acquisition = field(default_factory=Acquisition)

    def __post_init__(self) -> None:
        """Refuse an array that does not fit its geometry."""
        if self.hu.shape != self.geometry.shape:
            raise ValueError(f"array of shape {self.hu.shape} does not fit geometry of shape {self.geometry.shape}")


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Integer labels on a voxel grid. Lungs: 1 = right, 2 = left. Vessels: 1.

    Parameters
    ----------
    labels : array (z, y, x), uint8
        0 is background.
    geometry : Geometry
        Where the array lies in the patient.
    """

    labels: UInt8Array
    geometry: Geometry

    def __post_init__(self) -> None:
        """Refuse an array that does not fit its geometry."""
        if self.labels.shape != self.geometry.shape:
            raise ValueError(f"array of shape {self.labels.shape} does not fit geometry of shape {self.geometry.shape}")

    def volume_l(self, label: int | None = None) -> float:
        """Volume of one label, or of all labels above zero, in litres."""
        voxels = self.labels > 0 if label is None else self.labels == label
        return float(np.count_nonzero(voxels)) * self.geometry.voxel_volume_ml / 1000.0
