"""Lungs and lobes by any method, behind one contract: CTVolume in, LabelMap out (lungs: 1 right, 2 left)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spiroct.errors import UsageError
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.optional import require
from spiroct.segmentation.atlases import atlases_digest, find_atlases, require_atlases
from spiroct.segmentation.fusion import require_fusion
from spiroct.segmentation.lungmask_lungs import (
    LOBES_MODEL,
    LUNGS_MODEL,
    lungmask_lobes,
    lungmask_lungs,
    lungmask_weights,
)
from spiroct.segmentation.multi_atlas import multi_atlas_lungs
from spiroct.segmentation.threshold_lungs import threshold_lungs
from spiroct.segmentation.totalsegmentator_lungs import (
    totalsegmentator_lobes,
    totalsegmentator_lungs,
    totalsegmentator_weights,
)
from spiroct.segmentation.weights import checked_digest

DEFAULT_FUSION = "local"
LOBE_NAMES = ("left upper", "left lower", "right upper", "right middle", "right lower")  # 1 to 5


@dataclass(frozen=True)
class LungOptions:
    """What some methods need beside the scan.

    Parameters
    ----------
    atlases : Path, optional
        Folder or table of atlases, for ``multi-atlas``.
    fusion : str
        Fusion of their labels: one of ``FUSIONS``.
    weights : Path, optional
        Folder of weights, for ``lungmask`` and ``totalsegmentator``; without one the usual places are searched.
    """

    atlases: Path | None = None
    fusion: str = DEFAULT_FUSION
    weights: Path | None = None


def _multi_atlas(volume: CTVolume, options: LungOptions) -> LabelMap:
    return multi_atlas_lungs(volume, atlases=require_atlases(options.atlases), fusion=options.fusion)


LUNG_METHODS: dict[str, Callable[[CTVolume, LungOptions], LabelMap]] = {
    "threshold": lambda volume, _: threshold_lungs(volume),
    "multi-atlas": _multi_atlas,
    "lungmask": lambda volume, options: lungmask_lungs(volume, weights=options.weights),
    "totalsegmentator": lambda volume, options: totalsegmentator_lungs(volume, weights=options.weights),
}
LOBE_METHODS: dict[str, Callable[[CTVolume, LungOptions], LabelMap]] = {
    "lungmask": lambda volume, options: lungmask_lobes(volume, weights=options.weights),
    "totalsegmentator": lambda volume, options: totalsegmentator_lobes(volume, weights=options.weights),
}


def segment_lungs(volume: CTVolume, *, method: str = "threshold", options: LungOptions | None = None) -> LabelMap:
    """Segment the lungs.

    Parameters
    ----------
    volume : CTVolume
        A chest CT in any orientation.
    method : str
        One of ``LUNG_METHODS``.
    options : LungOptions, optional
        Atlases, fusion, weights: what the method needs of them.

    Returns
    -------
    LabelMap
        1 right, 2 left, in the scan's own geometry.

    Raises
    ------
    UsageError
        If the method is not known, or lacks what it needs.
    MissingExtraError
        If the method's package is not installed.
    InputError
        If atlases or weights cannot be used.
    ScanError
        If there are no lungs.
    """
    _require_known(method, LUNG_METHODS, "lung method")
    return LUNG_METHODS[method](volume, options or LungOptions())


def segment_lobes(volume: CTVolume, *, method: str, options: LungOptions | None = None) -> LabelMap:
    """Segment the lobes.

    Parameters and errors are those of :func:`segment_lungs`, ``method`` being one of ``LOBE_METHODS``.

    Returns
    -------
    LabelMap
        1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower lobe (the numbers of lungmask), in the
        scan's own geometry.
    """
    _require_known(method, LOBE_METHODS, "lobe method")
    return LOBE_METHODS[method](volume, options or LungOptions())


def deciding_inputs(method: str, *, lobes: str | None = None, options: LungOptions | None = None) -> dict[str, str]:
    """Hash what decides a mask beside the scan, and refuse early what is missing.

    Parameters
    ----------
    method : str
        Lung method.
    lobes : str, optional
        Lobe method.
    options : LungOptions, optional
        What they get.

    Returns
    -------
    dict of str to str
        Fusion and digest of the atlases, SHA-256 of the weights; empty for methods that need nothing.

    Raises
    ------
    UsageError, MissingExtraError, InputError
        As :func:`segment_lungs`.
    """
    _require_known(method, LUNG_METHODS, "lung method")
    if lobes is not None:
        _require_known(lobes, LOBE_METHODS, "lobe method")
    options = options or LungOptions()
    given = {"--atlases": options.atlases is not None, "--fusion": options.fusion != DEFAULT_FUSION}
    for flag in (flag for flag, is_given in given.items() if is_given and method != "multi-atlas"):
        raise UsageError(f"{flag} with --lungs {method}", "only multi-atlas takes atlases", f"leave {flag} out")
    if options.weights is not None and not {method, lobes} & LOBE_METHODS.keys():
        raise UsageError(
            f"--weights with --lungs {method}", f"weights belong to {' and '.join(LOBE_METHODS)}", "leave --weights out"
        )
    found: dict[str, str] = {}
    if method == "multi-atlas":
        require("itk", extra="atlas", feature="--lungs multi-atlas")
        require_fusion(options.fusion)
        found |= {"fusion": options.fusion, "atlases": atlases_digest(find_atlases(require_atlases(options.atlases)))}
    if "lungmask" in {method, lobes}:
        models = (LOBES_MODEL, LUNGS_MODEL) if lobes == "lungmask" else (LUNGS_MODEL,)
        files = lungmask_weights(models, options.weights)
        found |= {f"weights {model}": checked_digest(path) for model, path in files.items()}
    if "totalsegmentator" in {method, lobes}:
        require("totalsegmentator", extra="totalsegmentator", feature="segmentation by TotalSegmentator")
        folder = totalsegmentator_weights(options.weights)
        found[f"weights {folder.name}"] = checked_digest(folder)
    return found


def require_no_atlases(method: str) -> None:
    """Refuse a lung method that does not exist, or that needs atlases where none can be named.

    Raises
    ------
    UsageError
        With the way by ``spiroct segment``.
    """
    _require_known(method, LUNG_METHODS, "lung method")
    if method == "multi-atlas":
        raise UsageError(
            "--lungs multi-atlas",
            "only spiroct segment takes atlases",
            "make the mask there and name it with --lung-mask, or in the column lung_mask",
        )


def _require_known(method: str, methods: Mapping[str, object], what: str) -> None:
    if method not in methods:
        raise UsageError.unknown(what, method, methods)
