"""How often the quality checks cry wolf, and how much damage they find, on simulated patients.

Run: ``python -m benchmarks.quality_checks [patients] [damaged patients] [seed] [first]``. Renders at 3 mm; a third of
the patients each from site A, site B and health, counted from ``first``. Use a seed that nobody has looked at. Prints
one JSON document: for undamaged scans with the lungs as segmented, the number of patients in which each check warns or
fails; for each damage, the number in which any check finds it, and which.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import ndimage

from spiroct.errors import ScanError
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.phantom.draws import draw_patient
from spiroct.phantom.identity import simulator_hash
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.render import Phantom, render
from spiroct.quality.coarse import coarse_scan
from spiroct.quality.contents import judge_contents
from spiroct.quality.laterality import judge_laterality
from spiroct.quality.masks import judge_lungs
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.quality.wholeness import judge_wholeness
from spiroct.segmentation.lungs import segment_lungs
from spiroct.workflows.phantom_images import volume_of

SEED = 2027
SWAP = np.array([0, 2, 1], np.uint8)
AIR_HU = -1000.0

Damaged = tuple[CTVolume, LabelMap | None]  # None: segment the damaged scan


def main(patients: int, damaged: int, seed: int, first: int) -> int:
    """Print the figures."""
    alarms: Counter[str] = Counter()
    found: dict[str, Counter[str]] = {name: Counter() for name in DAMAGES}
    for index in range(first, first + patients):
        patient = _draw(seed, index)
        phantom = render(patient, spacing=3.0)
        volume, lungs = _scan(patient, phantom)
        alarms.update(_raised(volume, segment_lungs(volume)))
        if index < first + damaged:
            for name, damage in DAMAGES.items():
                found[name].update(_found(*damage(volume, lungs, phantom)))
    result = {
        "simulator": simulator_hash(),
        "seed": seed,
        "first": first,
        "undamaged": {"patients": patients, "alarms": dict(alarms)},
        "damaged": {"patients": damaged, "found by": {name: dict(checks) for name, checks in found.items()}},
    }
    print(json.dumps(result, indent=2))
    return 0


def _draw(seed: int, index: int) -> PhantomPatient:
    site, preset = (("A", "ssc"), ("B", "ssc"), ("A", "healthy"))[index % 3]
    return draw_patient(seed, index, site=site, preset=preset)


def _scan(patient: PhantomPatient, phantom: Phantom) -> tuple[CTVolume, LabelMap]:
    volume = volume_of(patient, phantom)
    hu = np.where(volume.hu < -1500.0, AIR_HU, volume.hu).astype(np.float32)  # as the readers do with padding
    return replace(volume, hu=hu), LabelMap(phantom.labels["lungs"], volume.geometry)


def _verdicts(volume: CTVolume, lungs: LabelMap) -> tuple[Verdict, ...]:
    scan = coarse_scan(volume, lungs)
    return (
        *judge_contents(scan, volume.acquisition),
        *judge_lungs(lungs),
        *judge_wholeness(scan),
        judge_laterality(scan, one_sided=True),
    )


def _raised(volume: CTVolume, lungs: LabelMap) -> set[str]:
    """Name the checks that did not pass, with how they ended; ``any`` if there is one."""
    raised = {f"{v.check}: {v.outcome}" for v in _verdicts(volume, lungs) if v.outcome is not Outcome.PASS}
    return raised | ({"any"} if raised else set())


def _found(volume: CTVolume, lungs: LabelMap | None) -> set[str]:
    try:
        return _raised(volume, segment_lungs(volume) if lungs is None else lungs)
    except ScanError:
        return {"no lungs found: fail", "any"}


def _relabelled(change: Callable[[Any, Any, Phantom], Any]) -> Callable[[CTVolume, LabelMap, Phantom], Damaged]:
    """Damage the mask alone."""

    def damage(volume: CTVolume, lungs: LabelMap, phantom: Phantom) -> Damaged:
        changed = change(volume.hu, lungs.labels, phantom)
        return volume, LabelMap(np.asarray(changed).astype(np.uint8), lungs.geometry)

    return damage


def _cropped(box_of: Callable[[Any], tuple[slice, slice, slice]]) -> Callable[[CTVolume, LabelMap, Phantom], Damaged]:
    """Crop the scan; its lungs are segmented anew."""

    def damage(volume: CTVolume, lungs: LabelMap, _: Phantom) -> Damaged:
        hu = np.ascontiguousarray(volume.hu[box_of(lungs.labels)])
        return replace(volume, hu=hu, geometry=Geometry(hu.shape, volume.geometry.spacing)), None

    return damage


def _ends(labels: Any, axis: int) -> tuple[int, int]:
    filled = np.flatnonzero(labels.any(axis=tuple(a for a in range(3) if a != axis)))
    return int(filled[0]), int(filled[-1]) + 1


def _hole(_: Any, labels: Any, __: Phantom) -> Any:
    """Cut out a ball of 40 mm diameter at the deepest point of the right lung."""
    deep = ndimage.distance_transform_edt(labels == 1)
    centre = np.unravel_index(int(np.argmax(deep)), deep.shape)
    distance = np.linalg.norm(np.indices(labels.shape) - np.array(centre)[:, None, None, None], axis=0) * 3.0
    return np.where(distance < 20.0, 0, labels)


def _bowel(hu: Any, labels: Any, phantom: Phantom) -> Any:
    """Add all gas in the lower half that is neither lung nor airway: stomach and gut."""
    low, high = _ends(labels, 0)
    gas = (hu < -850.0) & (phantom.labels["body"] > 0) & (labels == 0) & (phantom.labels["airways"] == 0)
    gas[(low + high) // 2 :] = False
    gas = ndimage.binary_opening(gas, iterations=2)
    return np.where(gas, 2, labels)


def _room(_: Any, labels: Any, __: Phantom) -> Any:
    """Add a slab of room air beside the chest."""
    low, high = _ends(labels, 0)
    leaked = labels.copy()
    leaked[low + 10 : high - 10, 0:4, :50] = 1
    return leaked


def _mirrored(volume: CTVolume, _: LabelMap, __: Phantom) -> Damaged:
    return replace(volume, hu=np.ascontiguousarray(volume.hu[..., ::-1])), None


def _contrast(volume: CTVolume, _: LabelMap, phantom: Phantom) -> Damaged:
    """Make the blood of heart and great vessels 120 HU brighter."""
    blood = (phantom.labels["great_vessels"] > 0) | (phantom.labels["heart"] > 0)
    bright = volume.hu + 120.0 * ndimage.gaussian_filter(blood.astype(np.float32), 0.4)
    return replace(volume, hu=bright.astype(np.float32)), None


def _share_of_height(labels: Any, share: float) -> int:
    low, high = _ends(labels, 0)
    return low + int(share * (high - low))


def _sides(labels: Any, cut: int) -> tuple[slice, slice, slice]:
    low, high = _ends(labels, 2)
    return np.s_[:, :, low + cut : high - cut]


DAMAGES: dict[str, Callable[[CTVolume, LabelMap, Phantom], Damaged]] = {
    "right and left swapped in the mask": _relabelled(lambda _, labels, __: SWAP[labels]),
    "scan mirrored": _mirrored,
    "right upper lobe left out": _relabelled(lambda _, labels, p: np.where(p.labels["lobes"] == 3, 0, labels)),
    "right middle lobe left out": _relabelled(lambda _, labels, p: np.where(p.labels["lobes"] == 4, 0, labels)),
    "left lower lobe left out": _relabelled(lambda _, labels, p: np.where(p.labels["lobes"] == 2, 0, labels)),
    "hole of 33 mL": _relabelled(_hole),
    "leak into trachea and bronchi": _relabelled(lambda _, labels, p: np.where(p.labels["airways"] > 0, 1, labels)),
    "leak into stomach and gut": _relabelled(_bowel),
    "leak into the room": _relabelled(_room),
    "heart in the mask": _relabelled(lambda _, labels, p: np.where(p.labels["heart"] > 0, 2, labels)),
    "top tenth of the lungs outside the scan": _cropped(lambda labels: np.s_[: _share_of_height(labels, 0.9), :, :]),
    "base tenth of the lungs outside the scan": _cropped(lambda labels: np.s_[_share_of_height(labels, 0.1) :, :, :]),
    "9 mm of both sides outside the scan": _cropped(lambda labels: _sides(labels, 3)),
    "24 mm of both sides outside the scan": _cropped(lambda labels: _sides(labels, 8)),
    "contrast agent, not in the header": _contrast,
}


if __name__ == "__main__":
    given = [int(v) for v in sys.argv[1:5]]
    sys.exit(main(*(given + [60, 12, SEED, 0][len(given) :])))
