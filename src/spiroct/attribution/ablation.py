"""Region ablation: how an estimate changes when a region gives way to its surround, in litres, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spiroct.attribution.accounting import mean_interval
from spiroct.attribution.filling import host_of, without_region
from spiroct.attribution.members import outputs_of
from spiroct.attribution.method import AIR, Method, Subject
from spiroct.attribution.regions import Anatomy
from spiroct.biomarkers.regions import LOBES
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.types import Float32Array, Float64Array

NEVER = ("outside_body", "lungs")
LEAST_SHARE = 1e-6
PAINTED = (*LOBES, "airways", "vessels", "ild")


@dataclass(frozen=True)
class AblatedRegion:
    """What an estimate loses without a region.

    Parameters
    ----------
    region : str
    measure : Measure
    change : float
        Estimate of the scan minus estimate without the region, in the measure's unit: what the region adds.
    lower, upper : float or None
        95 % t interval of the mean over the networks; None for one network.
    """

    region: str
    measure: Measure
    change: float
    lower: float | None
    upper: float | None


class RegionAblation(Method):
    """Every region of an anatomy replaced in turn by its plausible surround.

    As a map, each voxel holds what its smallest region adds, spread over that region.

    Parameters
    ----------
    predictor : Predictor
    anatomy : Anatomy
        On the patch of the scan that is explained.
    """

    name = "region-ablation"

    def __init__(self, predictor: Predictor, anatomy: Anatomy) -> None:
        super().__init__(predictor)
        self.anatomy = anatomy

    def changes(self, subject: Subject, wanted: Sequence[str]) -> tuple[list[str], Float64Array]:
        """Names of the regions that are not empty, and standardised losses (members, regions, measures)."""
        array, shares = subject.prepared.array, self.anatomy.shares
        names = [n for n in wanted if n not in NEVER and shares[n].sum() > LEAST_SHARE * shares[n].size]
        inputs = [array]
        for name in names:
            kept = without_region(array[0], shares[name], host_of(name, shares), subject.prepared.spacing_mm)
            inputs.append(np.concatenate([kept[None], array[1:]]))
        found = outputs_of(self.predictor, np.stack(inputs), subject.readings)
        self.passes += found.shape[0] * found.shape[1]
        return names, found[:, :1] - found[:, 1:]

    def table(self, subject: Subject) -> list[AblatedRegion]:
        """Tell what each region adds to each estimate, in units, with an interval over the ensemble."""
        names, lost = self.changes(subject, list(self.anatomy.shares))
        rows = []
        for i, name in enumerate(names):
            for j, measure in enumerate(self.checkpoint.measures):
                sd = np.array([m.scaler.sd[j] for m in self.checkpoint.members])
                values = lost[:, i, j] * sd
                rows.append(AblatedRegion(name, measure, float(values.mean()), *mean_interval(values)))
        return rows

    def maps(self, subject: Subject, measures: Sequence[Measure]) -> tuple[Float32Array, Float64Array, Float32Array]:
        """Attribute standardised outputs (see :meth:`Method.maps`); the bias is the estimate of an empty scan."""
        columns = [self.checkpoint.measures.index(m) for m in measures]
        shares = self.anatomy.shares
        small = [n for n in PAINTED if n in shares]  # painted over large ones
        lungs = ("right_lung", "left_lung") if small[:1] == ["left_upper_lobe"] else ()
        order, lost = self.changes(subject, [*(p for p in self.anatomy.parts if p not in lungs), *small])
        maps = np.zeros((len(self.checkpoint.members), len(columns), *subject.patch), np.float32)
        for name in order:
            inside = shares[name] > 0.5 if (shares[name] > 0.5).any() else shares[name] >= shares[name].max()
            volume = float(shares[name].sum(dtype=np.float64)) / shares[name].size
            maps[:, :, inside] = (lost[:, order.index(name)][:, columns] / volume)[..., None]
        empty = np.full_like(subject.prepared.array, AIR)[None]
        bias = outputs_of(self.predictor, empty, subject.readings)[:, 0][:, columns]
        return maps, bias, np.ones(subject.patch, np.float32)
