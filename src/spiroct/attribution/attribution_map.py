"""AttributionMap: how much of an estimate comes from where, in the measure's unit and the scan's own geometry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spiroct.attribution.cells import onto_scan, planes_on_scan
from spiroct.imaging.volume import Geometry
from spiroct.pft.measures import Measure
from spiroct.types import Float32Array, Float64Array


@dataclass(frozen=True)
class Cost:
    """What a map cost.

    Parameters
    ----------
    passes : int
        Forward and backward passes through one network each.
    seconds : float
        Wall time, without the passes that made the estimate itself.
    """

    passes: int
    seconds: float


@dataclass(frozen=True, eq=False)
class PatchMap:
    """An attribution on the network's input patch.

    Contributions are so scaled that their mean over the patch is the sum of all: a region's contribution is its sum
    divided by the number of voxels of the whole patch.

    Parameters
    ----------
    measure : Measure
        What was estimated.
    method, layer : str
        Name of the method, and of the layer it was read from (``"input"`` where it has none).
    members : array (members, z, y, x), float32
        Contributions, one map for each network of the ensemble, in the measure's unit (or %predicted).
    bias : array (members,)
        What no place accounts for: the projection's bias, or the estimate of the method's empty input.
    estimate : array (members,)
        What the networks estimate.
    unit : str
        Of values, bias and estimate.
    cost : Cost
        What it took.
    weight : array (z, y, x), float32
        Contributions of a map that is the same everywhere: 1 for methods on the input. The cells of a layer do not
        cover the patch evenly, so that those at its border are spread thinner or thicker.
    """

    measure: Measure
    method: str
    layer: str
    members: Float32Array
    bias: Float64Array
    estimate: Float64Array
    unit: str
    cost: Cost
    weight: Float32Array

    @property
    def values(self) -> Float32Array:
        """The ensemble's map (z, y, x) as it is shown: the value of the cells around, evened out for their spread."""
        mean: Float32Array = (self.members.mean(axis=0, dtype=np.float64) / self.weight).astype(np.float32)
        return mean

    @property
    def shown_members(self) -> Float32Array:
        """Every member's map (members, z, y, x) as it is shown."""
        return self.members / self.weight

    @property
    def completeness_error(self) -> float:
        """Largest of the members' |map mean + bias - estimate| / |estimate|; 0 where the map tells everything."""
        told = self.members.mean(axis=(1, 2, 3), dtype=np.float64) + self.bias
        return float(np.max(np.abs(told - self.estimate) / np.abs(self.estimate)))


@dataclass(frozen=True, eq=False)
class AttributionMap:
    """An attribution in the scan's own geometry.

    Parameters
    ----------
    geometry : Geometry
        The scan's.
    patch : PatchMap
        The map on the network's grid, with bias, members, error and cost.
    place : Geometry
        Of the network's grid, along the scan's canonical axes.
    """

    geometry: Geometry
    patch: PatchMap
    place: Geometry

    def __post_init__(self) -> None:
        """Refuse a map that does not fit its place."""
        if self.patch.members.shape[1:] != self.place.shape:
            raise ValueError(f"a map of shape {self.patch.members.shape[1:]} does not fit {self.place.shape}")

    @cached_property
    def values(self) -> Float32Array:
        """The ensemble's map (z, y, x) at every voxel of the scan, as it is shown; 0 outside the network's patch."""
        return onto_scan(self.patch.values, self.place, self.geometry)

    def planes(self) -> Iterator[Float32Array]:
        """Planes (y, x) of ``values`` one after the other, without the memory that all of them would take."""
        return planes_on_scan(self.patch.values, self.place, self.geometry)

    @property
    def measure(self) -> Measure:
        """What was estimated."""
        return self.patch.measure

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return self.patch.unit

    @property
    def completeness_error(self) -> float:
        """See :attr:`PatchMap.completeness_error`."""
        return self.patch.completeness_error
