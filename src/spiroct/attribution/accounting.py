"""Anatomical accounting: how much of an estimate comes from which region, for one patient and over a cohort."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from spiroct.attribution.attribution_map import PatchMap
from spiroct.attribution.regions import Anatomy
from spiroct.documents import finite_or_none
from spiroct.types import AnyArray

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.95


@dataclass(frozen=True)
class RegionAccount:
    """What one region has to do with one estimate.

    Parameters
    ----------
    region : str
        Such as ``right_lung``, ``ild``, ``bone`` or ``outside_body``.
    contribution : float or None
        What the region adds to the estimate, in the measure's unit; the parts' contributions and the bias sum to the
        estimate. None with ``reason``.
    lower, upper : float or None
        95 % interval of the mean over the networks of the ensemble (t); None with fewer than two.
    share : float or None
        Percent of all attribution, counted without sign, that lies in the region.
    volume_share : float or None
        Percent of the patch that the region takes: the share that a map without any idea would give it.
    part : bool
        Whether it is one of the parts that do not overlap.
    reason : str or None
        Why there is no value.
    """

    region: str
    contribution: float | None
    lower: float | None
    upper: float | None
    share: float | None
    volume_share: float | None
    part: bool
    reason: str | None = None


def account(attribution: PatchMap, anatomy: Anatomy) -> tuple[RegionAccount, ...]:
    """Divide a map among the regions.

    Parameters
    ----------
    attribution : PatchMap
    anatomy : Anatomy
        On the same patch.
    """
    voxels = attribution.members[0].size
    magnitude = np.abs(attribution.members.mean(axis=0, dtype=np.float64))
    rows = []
    for name, share in anatomy.shares.items():
        volume = float(share.sum(dtype=np.float64)) / voxels
        if volume == 0:
            rows.append(_missing(name, "the region is empty", part=name in anatomy.parts))
            continue
        each = np.tensordot(attribution.members.astype(np.float64), share.astype(np.float64), axes=3) / voxels
        low, high = mean_interval(each)
        held = 100 * float((magnitude * share).sum() / magnitude.sum()) if magnitude.any() else None
        rows.append(RegionAccount(name, float(each.mean()), low, high, held, 100 * volume, part=name in anatomy.parts))
    rows += [_missing(name, reason, part=False) for name, reason in anatomy.reasons.items()]
    return tuple(rows)


def cohort_account(patients: Iterable[tuple[str, str, tuple[RegionAccount, ...]]]) -> pd.DataFrame:
    """Mean accounts of many patients, with 95 % t intervals over the patients.

    Parameters
    ----------
    patients : iterable of (scan_id, measure, accounts)

    Returns
    -------
    DataFrame
        ``measure, region, quantity (contribution | share | volume_share), value, lower, upper, n``.
    """
    import pandas as pd  # only cohorts need it

    rows = [
        {"measure": measure, "region": row.region, "quantity": quantity, "value": getattr(row, quantity)}
        for _, measure, accounts in patients
        for row in accounts
        for quantity in ("contribution", "share", "volume_share")
        if getattr(row, quantity) is not None
    ]
    table = []
    frame = pd.DataFrame(rows, columns=["measure", "region", "quantity", "value"])
    for key, values in frame.groupby(["measure", "region", "quantity"], sort=False)["value"]:
        low, high = mean_interval(values.to_numpy(np.float64))
        names = dict(zip(("measure", "region", "quantity"), key, strict=True))
        table.append({**names, "value": float(values.mean()), "lower": low, "upper": high, "n": len(values)})
    return pd.DataFrame(table, columns=["measure", "region", "quantity", "value", "lower", "upper", "n"])


def mean_interval(values: AnyArray) -> tuple[float | None, float | None]:
    """95 % t interval of a mean; None, None for fewer than two values."""
    if len(values) < 2:
        return None, None
    half = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * float(np.std(values, ddof=1)) / len(values) ** 0.5
    mean = float(np.mean(values))
    return finite_or_none(mean - half), finite_or_none(mean + half)


def _missing(region: str, reason: str, *, part: bool) -> RegionAccount:
    return RegionAccount(region, None, None, None, None, None, part, reason)
