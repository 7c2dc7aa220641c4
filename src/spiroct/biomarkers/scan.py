"""All biomarkers of one scan on one grid, region by region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.biomarkers.biomarker import Biomarker
from spiroct.biomarkers.densitometry import densitometry
from spiroct.biomarkers.ild import GohStage, goh_stage, ild_maps
from spiroct.biomarkers.lungs import no_voxels
from spiroct.biomarkers.regions import regions_of_voxels
from spiroct.biomarkers.vessel_tree import VesselTree, tree_biomarkers, vessel_tree
from spiroct.biomarkers.vocabulary import DENSITY, VOCABULARY, WITHOUT_VESSELS
from spiroct.types import BoolArray, Float32Array, IndexArray, UInt8Array, Vector3

CONSTANT = "all voxels of the region have the same HU"
NOT_JUDGED = "no voxel of the region is far enough from surface and airways"


@dataclass(frozen=True, eq=False)
class GriddedScan:
    """A CT and its masks on the grid that biomarkers are measured on, canonical orientation.

    Parameters
    ----------
    hu : array (z, y, x)
        Hounsfield units, not clipped.
    lungs : array (z, y, x)
        1 right, 2 left.
    vessels, airways : array (z, y, x)
        Inside the lungs; lumen, trachea included.
    spacing : tuple of float
        Millimetres.
    grid : str
        ``"native"`` or ``"1.5 mm"``.
    lobes : array (z, y, x), optional
        1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower.
    """

    hu: Float32Array
    lungs: UInt8Array
    vessels: BoolArray
    airways: BoolArray
    spacing: Vector3
    grid: str
    lobes: UInt8Array | None = None


@dataclass(frozen=True)
class ScanBiomarkers:
    """Biomarkers of one scan on one grid.

    Parameters
    ----------
    grid : str
        As in :class:`GriddedScan`.
    biomarkers : tuple of Biomarker
        Each (region, name) once.
    goh : GohStage or None
        None where no extent could be measured.
    """

    grid: str
    biomarkers: tuple[Biomarker, ...]
    goh: GohStage | None


def scan_biomarkers(
    scan: GriddedScan, *, fvc_percent_predicted: float | None = None, fvc_estimated: bool = False
) -> ScanBiomarkers:
    """Measure every biomarker of :data:`~spiroct.biomarkers.vocabulary.VOCABULARY` in every region.

    Parameters
    ----------
    scan : GriddedScan
    fvc_percent_predicted : float, optional
        For the rule of Goh 2008.
    fvc_estimated : bool
        Whether that FVC is an estimate.

    Returns
    -------
    ScanBiomarkers
        A value that cannot be known is None, with its reason. Volumes are counted on the scan's grid.
    """
    inside = scan.lungs > 0
    vessels = (scan.vessels & inside)[inside]
    parts = _Parts(
        hu=scan.hu[inside],
        vessels=vessels,
        air_or_vessel=vessels | scan.airways[inside],
        height=np.nonzero(inside)[0],
        ild=tuple(found[inside] for found in ild_maps(scan.hu, inside, scan.airways, scan.spacing)),
        tree=vessel_tree(scan.vessels & inside, scan.spacing),
        points=np.zeros(0, np.int64),
    )
    # Centre-line points as numbers of lung voxels, so that one membership array serves voxels and points.
    number = np.cumsum(inside.ravel()) - 1
    at = np.ravel_multi_index(tuple(parts.tree.lines.index.astype(np.int64).T), inside.shape)
    parts.points = number[at]
    rows: list[Biomarker] = []
    for region, members in regions_of_voxels(scan.lungs, scan.spacing, scan.lobes).items():
        rows += _of_region(parts, region, members, scan)
    litres = float(np.count_nonzero(scan.airways)) * float(np.prod(scan.spacing)) / 1e6
    found_airways = bool(scan.airways.any())
    rows.append(
        Biomarker(
            "airways", "volume", litres if found_airways else None, "L", scan.grid,
            None if found_airways else "no airways were found",
        )
    )  # fmt: skip
    extent = next(b.value for b in rows if (b.region, b.name) == ("lungs", "ild_extent_texture"))
    stage = None if extent is None else goh_stage(extent, fvc_percent_predicted, fvc_estimated=fvc_estimated)
    rows.append(_goh_row(stage, scan.grid))
    return ScanBiomarkers(scan.grid, tuple(rows), stage)


@dataclass(eq=False)
class _Parts:
    """What is known of each voxel of the lungs, in array order."""

    hu: Float32Array
    vessels: BoolArray
    air_or_vessel: BoolArray
    height: IndexArray
    ild: tuple[BoolArray, ...]
    tree: VesselTree
    points: IndexArray


def _of_region(parts: _Parts, region: str, members: BoolArray, scan: GriddedScan) -> list[Biomarker]:
    voxel_l = float(np.prod(scan.spacing)) / 1e6
    litres = float(np.count_nonzero(members)) * voxel_l
    values: dict[str, float | None] = {"volume": litres}
    density = densitometry(parts.hu[members])
    values |= {name: density[name] for name in DENSITY}
    mean = density["mean_density"]
    values["mass"] = None if mean is None else litres * (1.0 + mean / 1000.0)
    outside = densitometry(parts.hu[members & ~parts.air_or_vessel])
    values |= {name: outside[name.removesuffix("_without_vessels")] for name in WITHOUT_VESSELS}
    judged, dense, mixed = (found & members for found in parts.ild)
    judged_voxels = int(np.count_nonzero(judged))
    for name, found in (("ild_extent_density", dense), ("ild_extent_texture", mixed)):
        values[name] = 100.0 * float(np.count_nonzero(found)) / judged_voxels if judged_voxels else None
    rows = []
    for name, value in values.items():
        reason = None
        if value is None:
            reason = no_voxels(region) if mean is None else NOT_JUDGED if name.startswith("ild") else CONSTANT
        rows.append(Biomarker(region, name, value, VOCABULARY[name].unit, scan.grid, reason))
    in_tree = members[parts.vessels]
    slices = len(np.unique(parts.height[members & parts.vessels]))
    rows += tree_biomarkers(parts.tree, region, scan.grid, points=members[parts.points], voxels=in_tree, slices=slices)
    vessels_l = float(np.count_nonzero(in_tree)) * voxel_l
    share = 100.0 * vessels_l / litres if litres else None
    reason = None if litres else no_voxels(region)
    return [*rows, Biomarker(region, "vessel_share", share, VOCABULARY["vessel_share"].unit, scan.grid, reason)]


def _goh_row(stage: GohStage | None, grid: str) -> Biomarker:
    unit = VOCABULARY["goh_extensive"].unit
    if stage is None:
        return Biomarker("lungs", "goh_extensive", None, unit, grid, NOT_JUDGED)
    value = None if stage.stage is None else float(stage.stage == "extensive")
    return Biomarker("lungs", "goh_extensive", value, unit, grid, stage.meaning if value is None else None)
