"""The steps that every verb on a scan begins with: read it, find the lungs, judge both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spiroct.errors import RefusalError, ScanError
from spiroct.imaging.image_files import stem_of
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.log import logger
from spiroct.quality.acquisition import TrainingDomain, judge_acquisition
from spiroct.quality.breath import judge_breath
from spiroct.quality.coarse import coarse_scan
from spiroct.quality.contents import judge_contents
from spiroct.quality.laterality import judge_laterality
from spiroct.quality.masks import judge_lungs
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.quality.wholeness import judge_wholeness
from spiroct.segmentation.lungs import LungOptions, segment_lungs
from spiroct.workflows.stages import Stage, begin

LEAST_MASK_L = 0.1


@dataclass(frozen=True)
class Examined:
    """A scan that was read, segmented and judged.

    Parameters
    ----------
    volume : CTVolume
        The scan in its own frame.
    lungs : LabelMap
        1 right, 2 left, in the scan's own geometry.
    verdicts : tuple of Verdict
        Every check that was made.
    overrides : tuple of str
        What failed and was let pass by ``force``: check, value and limit of each.
    """

    volume: CTVolume
    lungs: LabelMap
    verdicts: tuple[Verdict, ...]
    overrides: tuple[str, ...]


def examine(
    volume: CTVolume,
    scan: Path,
    *,
    lungs: str | LabelMap = "threshold",
    options: LungOptions | None = None,
    domain: TrainingDomain | None = None,
    one_sided: bool = False,
    predicted_tlc: float | None = None,
    force: bool = False,
) -> Examined:
    """Find the lungs of a scan and judge whether its numbers can be believed.

    Parameters
    ----------
    volume : CTVolume
        The scan.
    scan : Path
        Where it came from, for messages.
    lungs : str or LabelMap
        Lung segmentation method, or a mask on the grid of the scan that is used instead.
    options : LungOptions, optional
        Atlases, fusion or weights that the method needs.
    domain : TrainingDomain, optional
        What the checkpoint was trained on; None judges by general limits only.
    one_sided : bool
        True where the left or the right lung alone is to be used: then a failed laterality check refuses.
    predicted_tlc : float, optional
        Predicted total lung capacity in L, to tell small lungs by; None takes a fixed volume.
    force : bool
        Let judgements pass; they are recorded in ``overrides``.

    Raises
    ------
    RefusalError
        If a check fails and ``force`` is not given.
    ScanError
        If there are no lungs to be found, whatever ``force`` says.
    """
    before = judge_acquisition(volume, domain)
    overrides = _refuse_or_record(before, scan, force=force)
    begin(Stage.LUNGS)
    labels = lungs if isinstance(lungs, LabelMap) else segment_lungs(volume, method=lungs, options=options)
    if labels.volume_l() < LEAST_MASK_L:
        raise ScanError(
            f"{scan}: the lung mask holds {labels.volume_l():.2f} L",
            f"the lungs of an adult hold {LEAST_MASK_L:g} L at the very least",
            "look at the mask, or segment the lungs anew",
        )
    begin(Stage.QUALITY)
    coarse = coarse_scan(volume, labels)
    after = (
        *judge_contents(coarse, volume.acquisition, domain),
        *judge_lungs(labels),
        *judge_wholeness(coarse),
        judge_laterality(coarse, one_sided=one_sided),
        judge_breath(volume, labels, coarse, predicted_tlc_l=predicted_tlc),
    )
    overrides += _refuse_or_record(after, scan, force=force)
    for verdict in (*before, *after):
        if verdict.outcome is Outcome.WARN:
            logger.warning("warning: %s (%s): %s.", verdict.check.replace("_", " "), verdict.value, verdict.meaning)
    return Examined(volume, labels, (*before, *after), overrides)


def read_scan(scan: Path, *, series: str | None = None) -> tuple[CTVolume, str]:
    """Read a scan and hash what was read.

    Returns
    -------
    volume : CTVolume
        The scan in its own frame.
    digest : str
        BLAKE2b of voxels and geometry: the same scan gives the same digest in any format.
    """
    volume = read_ct(scan, series=series)
    for note in volume.acquisition.notes:
        logger.warning("warning: %s", note)
    digest = hashlib.blake2b(np.ascontiguousarray(volume.hu).data, digest_size=16)
    digest.update(repr(volume.geometry).encode())
    return volume, digest.hexdigest()


def scan_id_of(volume: CTVolume, scan: Path) -> str:
    """Name a scan by its series, else by its file's stem; never by a patient's name."""
    return name_of(volume.acquisition.series_uid, scan)


def name_of(series_uid: str | None, scan: Path) -> str:
    """Name a scan as :func:`scan_id_of`, of which only the series is known."""
    if series_uid:
        return "series-" + hashlib.sha256(series_uid.encode()).hexdigest()[:12]
    return stem_of(scan)


def _refuse_or_record(verdicts: tuple[Verdict, ...], scan: Path, *, force: bool) -> tuple[str, ...]:
    failed = [v for v in verdicts if v.outcome is Outcome.FAIL]
    if failed and not force:
        worst = failed[0]
        others = f" (also failing: {', '.join(v.check for v in failed[1:])})" if len(failed) > 1 else ""
        raise RefusalError(
            f"{scan}: {worst.check.replace('_', ' ')} is {_shown(worst.value)}{others}",
            f"the limit is {worst.limit}, because {_lowered(worst.meaning)}",
            f"{_lowered(worst.remedy or 'use another scan')}, or add --force to go on all the same",
        )
    for v in failed:
        logger.warning("warning: --force lets %s pass (%s): %s.", v.check, _shown(v.value), v.meaning)
    return tuple(f"{v.check}: {_shown(v.value)} (limit: {v.limit})" for v in failed)


def _shown(value: float | str | None) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _lowered(sentence: str) -> str:
    """Begin a sentence as the middle of another one begins."""
    return sentence[:1].lower() + sentence[1:]
