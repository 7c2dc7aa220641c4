"""Array aliases shared by all rooms; volumes are always in (z, y, x) order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Int16Array = npt.NDArray[np.int16]
UInt8Array = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]
Vector3 = tuple[float, float, float]
Shape3 = tuple[int, int, int]
