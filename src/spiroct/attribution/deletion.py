"""Deletion and insertion curves (Petsiuk 2018): what an estimate does as the places of a map go, or come back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.attribution.members import outputs_of
from spiroct.attribution.method import AIR, Subject
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.types import AnyArray, Float32Array, Float64Array

STEPS = 5
BLOCK_MM = 20.0


@dataclass(frozen=True, eq=False)
class Curves:
    """Distance of the ensemble's estimate from where it began, relative to the whole way.

    Parameters
    ----------
    deletion : array (steps + 1,)
        0 with the whole scan, 1 with nothing of it; places of large values go first. A map that knows what the
        network uses rises early: a large area below the curve.
    insertion : array (steps + 1,)
        The same from the empty scan, places of large values coming first.
    """

    deletion: Float64Array
    insertion: Float64Array

    @property
    def areas(self) -> tuple[float, float]:
        """Mean height of the two curves."""
        return float(np.trapezoid(self.deletion)) / STEPS, float(np.trapezoid(self.insertion)) / STEPS


def curves(predictor: Predictor, subject: Subject, measure: Measure, values: AnyArray) -> Curves:
    """Delete and insert blocks of 20 mm in the order of a map.

    What goes is replaced by air.

    Parameters
    ----------
    predictor : Predictor
    subject : Subject
    measure : Measure
    values : array (z, y, x)
        A map on the patch; its sign does not matter.
    """
    array = subject.prepared.array
    side = max(1, round(BLOCK_MM / subject.prepared.spacing_mm))
    rank = _ranks(np.abs(values), side, array[0] > array.min())
    empty = np.full_like(array, AIR)
    gone = [np.where(rank[None] < i / STEPS, empty, array) for i in range(STEPS + 1)]
    back = [np.where(rank[None] < i / STEPS, array, empty) for i in range(1, STEPS)]
    column = predictor.checkpoint.measures.index(measure)
    inputs: Float32Array = np.stack([*gone, *back]).astype(np.float32)
    found = outputs_of(predictor, inputs, subject.readings)[:, :, column].mean(axis=0)
    deleted = found[: STEPS + 1]
    inserted = np.array([deleted[-1], *found[STEPS + 1 :], deleted[0]])
    whole = abs(deleted[-1] - deleted[0])
    return Curves(np.abs(deleted - deleted[0]) / whole, np.abs(inserted - inserted[0]) / whole)


def _ranks(values: AnyArray, side: int, there: AnyArray) -> Float64Array:
    """Rank (0 first, below 1) of each voxel's block, large means first; blocks that are empty come last, as 1."""
    cut = [np.arange(0, size, side) for size in values.shape]

    def blocks(array: AnyArray) -> Float64Array:
        summed: Float64Array = np.asarray(array, np.float64)
        for axis in range(3):
            summed = np.add.reduceat(summed, cut[axis], axis=axis)
        return summed

    held, amount = blocks(there), blocks(values)
    order = np.argsort(-np.where(held > 0, amount, -np.inf), axis=None, kind="stable")
    rank = np.empty(order.size)
    rank[order] = np.arange(order.size) / max(1, int((held > 0).sum()))
    grid = np.minimum(rank, 1.0).reshape(held.shape)
    for axis, size in enumerate(values.shape):
        grid = grid.take(np.arange(size) // side, axis=axis)
    return grid
