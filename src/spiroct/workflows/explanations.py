"""From a scan as the networks saw it to maps, accounting and verdicts: the steps that predict and explain share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spiroct.attribution.ablation import RegionAblation
from spiroct.attribution.accounting import account
from spiroct.attribution.attribution_map import PatchMap
from spiroct.attribution.checks import fold_agreement, judge, scrambled_likeness
from spiroct.attribution.explanation import Explanation, MeasureExplanation
from spiroct.attribution.method import Subject, in_scan
from spiroct.attribution.methods import make_method
from spiroct.attribution.regions import Anatomy, anatomy_of_scan
from spiroct.attribution.trial import (
    judge_permuted,
    judge_trial,
    networks_hash,
    permuted_likeness_of,
    training_hash,
    trial_of,
)
from spiroct.documents import write_json
from spiroct.imaging.volume import LabelMap
from spiroct.imaging.writing import write_nifti_map
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.reporting.explanation_page import write_explanation_page
from spiroct.workflows.estimate import SeenScan, model_line
from spiroct.workflows.examine import Examined
from spiroct.workflows.stages import Stage, begin
from spiroct.workflows.versions import result_versions

SCRAMBLING_SEED = 0
STEPS = 127  # of a map's file: as many as a viewer's colours; amounts stand in explanation.json


def explain_seen(
    predictor: Predictor,
    seen: SeenScan,
    *,
    scan_id: str,
    method: str = "ram",
    layer: str | None = None,
    vessels: LabelMap | None = None,
    airways: LabelMap | None = None,
    lobes: LabelMap | None = None,
) -> Explanation:
    """Explain estimates that were made, and judge the maps.

    Parameters
    ----------
    predictor : Predictor
        Whose estimates.
    seen : SeenScan
        The scan as its networks saw it, with what they made of it.
    scan_id : str
    method, layer
        Of :mod:`spiroct.attribution.methods`.
    vessels, airways, lobes : LabelMap, optional
        For the accounting; what is missing has a reason there instead of a value.
    """
    begin(Stage.EXPLAIN)
    examined, subject = seen.examined, seen.subject
    masks = {"vessels": vessels, "airways": airways, "lobes": lobes}
    anatomy = anatomy_of_scan(examined.volume, examined.lungs, subject.geometry, **masks)
    checkpoint = predictor.checkpoint
    return Explanation(
        scan_id=scan_id,
        model=model_line(checkpoint),
        interpretation="demonstration only" if checkpoint.demonstration_only else "research use only",
        measures=_explained(predictor, subject, anatomy, method, layer),
        quality=(*examined.verdicts, *predictor.verdicts(subject.prepared)),
        overrides=examined.overrides,
        versions=result_versions(),
    )


def _explained(
    predictor: Predictor, subject: Subject, anatomy: Anatomy, method: str, layer: str | None
) -> dict[Measure, MeasureExplanation]:
    kind = make_method(method, layer=layer, anatomy=anatomy)
    used = kind(predictor)
    maps = used.explain(subject)
    ablated = used.table(subject) if isinstance(used, RegionAblation) else []
    body = anatomy.shares["outside_body"] < 0.5
    alike = scrambled_likeness(kind, predictor, subject, list(maps.values()), seed=SCRAMBLING_SEED, where=body)
    networks, trained_so = networks_hash(predictor.checkpoint), training_hash(predictor.checkpoint)
    explained = {}
    for (measure, found), likeness in zip(maps.items(), alike, strict=True):
        regions = account(found, anatomy)
        outside = next(r.share for r in regions if r.region == "outside_body")
        tried = judge_trial(trial_of(networks, found.method, found.layer))
        checks = judge(found, agreement=fold_agreement(found, body), alike=likeness, outside=outside)
        permuted = judge_permuted(permuted_likeness_of(trained_so, found.method, found.layer))
        verdicts = (*checks, permuted, tried)
        own = tuple(row for row in ablated if row.measure is measure)
        explained[measure] = MeasureExplanation(in_scan(found, subject), file_of(found), regions, verdicts, own)
    return explained


def file_of(found: PatchMap) -> str:
    """Name a map's file, such as ``ram_DLCO.nii.gz``."""
    return f"{found.method}_{found.measure.value}.nii.gz"


def write_explanation(explanation: Explanation, examined: Examined, folder: Path) -> dict[str, Any]:
    """Write one scan's maps, ``explanation.json`` and ``explanation.html``; give what a report shows of them."""
    for one in explanation.measures.values():
        shown = one.attribution
        largest = float(np.abs(shown.patch.values).max())
        write_nifti_map(shown.planes(), shown.geometry, folder / one.file, largest=largest, steps=STEPS)
    write_json(folder / "explanation.json", explanation.to_document())
    return write_explanation_page(explanation, examined.volume, examined.lungs, folder / "explanation.html")
