"""Occlusion: how an estimate changes when a box of the scan is covered (Zeiler 2014)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from spiroct.attribution.members import outputs_of
from spiroct.attribution.method import Method, Subject
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.types import Float32Array, Float64Array, Shape3

WINDOW_MM = 80.0
EVEN = 1e-6  # a box that already is what would cover it changes nothing


class Occlusion(Method):
    """Boxes side by side, each covered in turn; a box holds what the estimate loses without it.

    The bias is the estimate with every box covered. Boxes act together in a network, so that the map and the bias do
    not add up exactly.

    Parameters
    ----------
    predictor : Predictor
    window_mm : float
        Edge of a box; twice as fine takes eight times as long.
    fill : float, optional
        Value of the input (-1 to 1) that covers; the mean of the box's own border by default, a plausible surround.
    """

    name = "occlusion"

    def __init__(self, predictor: Predictor, *, window_mm: float = WINDOW_MM, fill: float | None = None) -> None:
        super().__init__(predictor)
        self.window_mm = window_mm
        self.fill = fill

    def maps(self, subject: Subject, measures: Sequence[Measure]) -> tuple[Float32Array, Float64Array, Float32Array]:
        """Attribute standardised outputs (see :meth:`Method.maps`)."""
        columns = [self.checkpoint.measures.index(m) for m in measures]
        array = subject.prepared.array
        side = max(1, round(self.window_mm / subject.prepared.spacing_mm))
        covered, everything, boxes = list[Float32Array](), array.copy(), list[tuple[slice, ...]]()
        for box in boxes_of(subject.patch, side):
            part = array[(slice(None), *box)]
            value = self.fill if self.fill is not None else _border_mean(part)
            everything[(slice(None), *box)] = value
            if np.abs(part - value).max() > EVEN:
                without = array.copy()
                without[(slice(None), *box)] = value
                covered.append(without)
                boxes.append(box)
        inputs = np.stack([array, everything, *covered])
        found = outputs_of(self.predictor, inputs, subject.readings)[:, :, columns]
        self.passes += found.shape[0] * found.shape[1]
        maps = np.zeros((found.shape[0], len(columns), *subject.patch), np.float32)
        for i, box in enumerate(boxes):
            lost = found[:, 0] - found[:, 2 + i]
            density = float(np.prod(subject.patch)) / float(np.prod([s.stop - s.start for s in box]))
            maps[(slice(None), slice(None), *box)] = (lost * density)[..., None, None, None]
        return maps, found[:, 1], np.ones(subject.patch, np.float32)


def boxes_of(patch: Shape3, side: int) -> Iterator[tuple[slice, ...]]:
    """Cut a patch into boxes of so many voxels; those at the far ends may be smaller."""
    starts = [range(0, size, side) for size in patch]
    for z in starts[0]:
        for y in starts[1]:
            for x in starts[2]:
                corner = (z, y, x)
                yield tuple(slice(c, min(c + side, size)) for c, size in zip(corner, patch, strict=True))


def _border_mean(part: Float32Array) -> float:
    """Mean of the outermost voxels of a box (channels, z, y, x)."""
    inner = tuple(slice(1, -1) for _ in range(3))
    border = np.ones(part.shape[1:], bool)
    border[inner] = False
    return float(part[:, border].mean())
