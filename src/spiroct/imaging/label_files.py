"""Read label maps: masks of lungs, lobes and vessels that other programs made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spiroct.errors import InputError
from spiroct.imaging.image_files import read_image
from spiroct.imaging.resampling import resample_labels
from spiroct.imaging.volume import Geometry, LabelMap

MOST_LABEL = 255


def require_label_file(path: Path) -> None:
    """Refuse a mask that is not there.

    Raises
    ------
    InputError
        If there is no such file.
    """
    if not path.is_file():
        raise InputError(f"mask {path}", "there is no such file", "check the path")


def read_label_map(path: Path, *, onto: Geometry | None = None) -> LabelMap:
    """Read a label map from a NIfTI, MHA, MHD or NRRD file.

    Parameters
    ----------
    path : Path
    onto : Geometry, optional
        Grid of the scan that the labels belong to: they are carried onto it by nearest neighbour.

    Raises
    ------
    InputError
        If the file cannot be read, holds no whole numbers from 0 to 255, or does not touch the scan.
    """
    require_label_file(path)
    values, geometry = read_image(path)
    whole = np.rint(values)
    if not np.array_equal(whole, values) or whole.min() < 0 or whole.max() > MOST_LABEL:
        raise InputError(
            f"mask {path} holds values from {values.min():g} to {values.max():g}",
            f"labels are whole numbers from 0 to {MOST_LABEL}",
            "name a label map",
        )
    labels = LabelMap(whole.astype(np.uint8), geometry)
    if onto is None:
        return labels
    carried = resample_labels(labels, onto)
    if labels.labels.any() and not carried.labels.any():
        raise InputError(f"mask {path}", "it lies beside the scan, not on it", "name the mask of this scan")
    return carried
