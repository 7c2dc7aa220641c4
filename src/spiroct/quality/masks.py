"""Lung masks: whether the scan reaches past both ends of the lungs, and whether their volumes are plausible."""

from __future__ import annotations

import numpy as np

from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import LabelMap
from spiroct.quality.verdict import Outcome, Verdict

# A lung ends in a point: what it still covers in the very first or last slice tells how much is cut off.
CUT_CM2 = 4.0
VOLUME_L = (1.0, 10.0)
RIGHT_SHARE = (0.40, 0.68)  # right lung 52 to 57 % of both in health (Yamada 2020, doi 10.1111/joa.13244, and others)


def judge_lungs(lungs: LabelMap) -> tuple[Verdict, ...]:
    """Judge a lung mask.

    Parameters
    ----------
    lungs : LabelMap
        1 right, 2 left, on the grid of the scan.

    Returns
    -------
    tuple of Verdict
        Lungs cut at the top or base fail (a judgement: ``--force``); an implausible volume or a lopsided pair warns.
    """
    labels = to_canonical(lungs)
    mask, spacing = labels.labels > 0, labels.geometry.spacing
    cm2 = spacing[1] * spacing[2] / 100
    ends = {"top": float(np.count_nonzero(mask[-1])) * cm2, "base": float(np.count_nonzero(mask[0])) * cm2}
    return (
        *(_end(name, area) for name, area in ends.items()),
        _volume(lungs.volume_l()),
        _sides(labels),
    )


def _end(name: str, area: float) -> Verdict:
    check, limit = f"lungs_cut_at_{name}", f"at most {CUT_CM2:g} cm2 of lung in the {name} slice"
    if area <= CUT_CM2:
        return Verdict(check, Outcome.PASS, f"{area:.1f} cm2", limit, f"The scan reaches past the {name} of the lungs")
    return Verdict(
        check,
        Outcome.FAIL,
        f"{area:.1f} cm2",
        limit,
        f"The {name} of the lungs lies outside the scan, so volumes and estimates would be too small",
        "Use a scan that covers the whole lungs",
    )


def _volume(litres: float) -> Verdict:
    check, limit = "lung_volume", f"{VOLUME_L[0]:g} to {VOLUME_L[1]:g} L"
    if VOLUME_L[0] <= litres <= VOLUME_L[1]:
        return Verdict(check, Outcome.PASS, f"{litres:.2f} L", limit, "A plausible volume")
    return Verdict(
        check,
        Outcome.WARN,
        f"{litres:.2f} L",
        limit,
        "An unusual lung volume: a shallow breath, severe disease, a child, or a mask that failed",
        "Look at the mask in the report before using any number",
    )


def _sides(labels: LabelMap) -> Verdict:
    check, limit = "lung_sides", f"right lung {100 * RIGHT_SHARE[0]:g} to {100 * RIGHT_SHARE[1]:g} % of both"
    right, left = labels.volume_l(1), labels.volume_l(2)
    share = right / (right + left)
    if RIGHT_SHARE[0] <= share <= RIGHT_SHARE[1]:
        return Verdict(check, Outcome.PASS, f"{100 * share:.0f} %", limit, "Both lungs have their usual share")
    return Verdict(
        check,
        Outcome.WARN,
        f"{100 * share:.0f} %",
        limit,
        "One lung is much smaller than usual: collapse, surgery, effusion, or a mask that failed",
        "Look at the mask in the report before using any number",
    )
