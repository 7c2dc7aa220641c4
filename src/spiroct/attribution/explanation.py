"""Explanation: everything that was found about where one scan's estimates come from, as ``explanation.json`` has it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spiroct.attribution.ablation import AblatedRegion
from spiroct.attribution.accounting import RegionAccount
from spiroct.attribution.attribution_map import AttributionMap
from spiroct.documents import finite_or_none
from spiroct.inference.prediction import ModelLine
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Outcome, Verdict

SCHEMA = "spiroct.explanation"
SCHEMA_VERSION = 1

HOW_TO_READ = (
    "Coloured places raise the estimate above the network's bias and pink ones lower it; what all places add up to, "
    "and the bias, is the estimate."
)
HOW_NOT_TO_READ = (
    "A coloured place is where the network found what it used, not where disease is and not a cause; a map that "
    "did not pass its checks shows nothing."
)


@dataclass(frozen=True, eq=False)
class MeasureExplanation:
    """Where one measure's estimate comes from.

    Parameters
    ----------
    attribution : AttributionMap
        The map.
    file : str
        Its file.
    regions : tuple of RegionAccount
        Anatomical accounting.
    verdicts : tuple of Verdict
        Whether the map deserves belief.
    ablation : tuple of AblatedRegion
        With the method ``region-ablation``: what the estimate loses without each region; else empty.
    """

    attribution: AttributionMap
    file: str
    regions: tuple[RegionAccount, ...]
    verdicts: tuple[Verdict, ...]
    ablation: tuple[AblatedRegion, ...] = ()

    @property
    def believable(self) -> bool:
        """Whether every check passed."""
        return all(v.outcome is Outcome.PASS for v in self.verdicts)

    @property
    def summary(self) -> str:
        """One sentence on whether to believe the map."""
        doubts = [v.check.replace("_", " ") for v in self.verdicts if v.outcome is not Outcome.PASS]
        if not doubts:
            return "The map passed its checks."
        return f"Do not build on this map: {', '.join(doubts)} did not pass."

    def to_document(self) -> dict[str, Any]:
        """Plain data of one measure."""
        patch = self.attribution.patch
        return {
            "unit": patch.unit,
            "method": patch.method,
            "layer": patch.layer,
            "file": self.file,
            "estimate": float(patch.estimate.mean()),
            "bias": float(patch.bias.mean()),
            "members": {"estimate": [float(v) for v in patch.estimate], "bias": [float(v) for v in patch.bias]},
            "completeness_error": patch.completeness_error,
            "passes": patch.cost.passes,
            "regions": {r.region: {k: v for k, v in asdict(r).items() if k != "region"} for r in self.regions},
            "ablation": {r.region: {"change": r.change, "lower": r.lower, "upper": r.upper} for r in self.ablation},
            "verdict": {
                "believable": self.believable,
                "summary": self.summary,
                "checks": [_plain(v) for v in self.verdicts],
            },
        }


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where the estimates of one scan come from.

    Parameters
    ----------
    scan_id : str
    model : ModelLine
        Which checkpoint.
    interpretation : str
        ``"demonstration only"`` or ``"research use only"``.
    measures : dict of Measure to MeasureExplanation
    quality : tuple of Verdict
        Checks on the scan.
    overrides : tuple of str
        What ``--force`` let pass.
    versions : dict of str to str
    """

    scan_id: str
    model: ModelLine
    interpretation: str
    measures: dict[Measure, MeasureExplanation]
    quality: tuple[Verdict, ...]
    overrides: tuple[str, ...]
    versions: dict[str, str]

    def to_document(self) -> dict[str, Any]:
        """Plain data of ``explanation.json``: the same inputs give the same bytes."""
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "scan_id": self.scan_id,
            "model": asdict(self.model),
            "interpretation": self.interpretation,
            "how_to_read": HOW_TO_READ,
            "how_not_to_read": HOW_NOT_TO_READ,
            "measures": {m.value: e.to_document() for m, e in self.measures.items()},
            "quality": [_plain(v) for v in self.quality],
            "overrides": list(self.overrides),
            "versions": dict(self.versions),
        }


def _plain(verdict: Verdict) -> dict[str, Any]:
    document = asdict(verdict)
    if isinstance(verdict.value, float):
        document["value"] = finite_or_none(verdict.value)
    return document
