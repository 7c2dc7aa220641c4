"""What the voxels say before any mask: whether the air of this scan is as dark as air."""

from __future__ import annotations

import numpy as np

from spiroct.imaging.volume import CTVolume
from spiroct.quality.verdict import Outcome, Verdict

AIR_RANGE_HU = (-1050.0, -930.0)


def judge_contents(volume: CTVolume) -> tuple[Verdict, ...]:
    """Check the calibration of the scan by the air in it.

    Parameters
    ----------
    volume : CTVolume
        The scan.

    Returns
    -------
    tuple of Verdict
        ``air_calibration``: the median of everything darker than -900 HU, in HU. Air is -1000 HU by definition, and
        scanners are kept within a few HU of it (AAPM report 39, 1993); the limits leave room for lung in the median.
    """
    dark = volume.hu[volume.hu < -900.0]
    limit = f"{AIR_RANGE_HU[0]:g} to {AIR_RANGE_HU[1]:g} HU"
    if not dark.size:
        return (
            Verdict(
                "air_calibration",
                Outcome.WARN,
                None,
                limit,
                "Nothing in the scan is as dark as air, so its calibration cannot be checked",
                "Check that the rescale slope and intercept were applied",
            ),
        )
    median = float(np.median(dark))
    if AIR_RANGE_HU[0] <= median <= AIR_RANGE_HU[1]:
        return (Verdict("air_calibration", Outcome.PASS, f"{median:.0f} HU", limit, "Air reads as air"),)
    return (
        Verdict(
            "air_calibration",
            Outcome.WARN,
            f"{median:.0f} HU",
            limit,
            "Air does not read as -1000 HU: every density is shifted",
            "Check the rescale slope and intercept, or the scanner's calibration",
        ),
    )
