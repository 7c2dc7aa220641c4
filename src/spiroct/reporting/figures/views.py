"""Axial, coronal and sagittal views of a scan with its lungs outlined, as radiologists hang them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.types import AnyArray, Float32Array, UInt8Array, Vector3

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WINDOW_LEVEL_HU, WINDOW_WIDTH_HU = -600.0, 1500.0
RIGHT, LEFT = 1, 2
# Orange and sky blue after Okabe & Ito (2008), told apart by all common kinds of colour blindness; the left
# one is dashed as well, so that a grey print tells them apart too.
LUNG_COLOURS = {RIGHT: "#FFB000", LEFT: "#56B4E9"}
LUNG_LINES = {RIGHT: "solid", LEFT: (0, (3.5, 1.2))}
MARGIN_MM = 22.0
BAR_MM = 50.0
AXIAL_LEVELS = (("upper", 0.25), ("middle", 0.50), ("lower", 0.75))

Kind = Literal["axial", "coronal", "sagittal"]
# Canonical array axes (z, y, x) that run down and across each picture.
_DOWN_ACROSS: dict[Kind, tuple[int, int]] = {"axial": (1, 2), "coronal": (0, 2), "sagittal": (0, 1)}
_SIDES: dict[Kind, tuple[str, str]] = {"axial": ("R", "L"), "coronal": ("R", "L"), "sagittal": ("A", "P")}
_NORMAL: dict[Kind, int] = {"axial": 0, "coronal": 1, "sagittal": 2}


@dataclass(frozen=True, eq=False)
class OrientedScan:
    """A scan and its lungs with array axes to head, back and the patient's left.

    Parameters
    ----------
    hu : array (z, y, x), float32
        Hounsfield units.
    labels : array (z, y, x), uint8
        1 right lung, 2 left lung.
    spacing : tuple of float
        Voxel spacing (z, y, x) in mm.
    box : tuple of slice
        The lungs with a margin, or everything where there are none; all views are cut to it.
    """

    hu: Float32Array
    labels: UInt8Array
    spacing: Vector3
    box: tuple[slice, slice, slice]


@dataclass(frozen=True)
class Plane:
    """One picture to draw.

    Parameters
    ----------
    kind : str
        ``"axial"``, ``"coronal"`` or ``"sagittal"``.
    index : int
        Index of the plane along the canonical axis that it cuts.
    where : str
        What the plane is in words, such as ``"upper"`` or ``"right lung"``.
    number : str
        Short label drawn on the picture and beside its line on the coronal view; may be empty.
    """

    kind: Kind
    index: int
    where: str
    number: str = ""


def orient(volume: CTVolume, lungs: LabelMap) -> OrientedScan:
    """Bring a scan and its lungs into the canonical frame and find the part worth showing.

    Raises
    ------
    ValueError
        If the lungs do not lie on the scan's own grid.
    """
    if lungs.geometry != volume.geometry:
        raise ValueError("the lungs must lie on the scan's own grid; resample them first")
    image, mask = to_canonical(volume), to_canonical(lungs)
    spacing = image.geometry.spacing
    box = []
    for axis, step in enumerate(spacing):
        inside = np.flatnonzero(_profile(mask.labels > 0, axis))
        size = mask.labels.shape[axis]
        if inside.size == 0:
            box.append(slice(0, size))
            continue
        margin = round(MARGIN_MM / step)
        box.append(slice(max(0, int(inside[0]) - margin), min(size, int(inside[-1]) + 1 + margin)))
    return OrientedScan(image.hu, mask.labels, spacing, (box[0], box[1], box[2]))


def choose_planes(scan: OrientedScan) -> tuple[Plane, ...]:
    """Choose what to show: the widest coronal plane, three axial levels, each lung's widest sagittal plane.

    The axial levels lie a quarter, a half and three quarters of the way down from the top of the lungs.
    """
    lungs = scan.labels > 0
    height = np.flatnonzero(_profile(lungs, 0))
    low, high = (int(height[0]), int(height[-1])) if height.size else (0, scan.labels.shape[0] - 1)
    axial = tuple(
        Plane("axial", round(high - part * (high - low)), where, str(number))
        for number, (where, part) in enumerate(AXIAL_LEVELS, start=1)
    )
    return (
        Plane("coronal", _widest(lungs, 1), "widest extent of the lungs"),
        *axial,
        Plane("sagittal", _widest(scan.labels == RIGHT, 2), "right lung"),
        Plane("sagittal", _widest(scan.labels == LEFT, 2), "left lung"),
    )


def picture_size(scan: OrientedScan, kind: Kind, *, width: int) -> tuple[int, int]:
    """Pixels (width, height) of a view whose millimetres are square."""
    down, across = _DOWN_ACROSS[kind]
    extent = [(part.stop - part.start) * step for part, step in zip(scan.box, scan.spacing, strict=True)]
    return width, max(1, round(width * extent[down] / extent[across]))


def draw_view(axes: Axes, scan: OrientedScan, plane: Plane, *, levels: tuple[Plane, ...] = ()) -> Axes:
    """Draw one view: lung window, outlined lungs, side letters and a millimetre bar.

    Patient's right is at the viewer's left in axial and coronal views, the front of the body in sagittal
    ones; one millimetre is as long down as across.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw; its ticks and frame are taken away.
    scan : OrientedScan
        From :func:`orient`.
    plane : Plane
        From :func:`choose_planes`.
    levels : tuple of Plane
        Axial planes to mark at the edge of a coronal or sagittal view.

    Returns
    -------
    matplotlib Axes
        The same axes; its data coordinates are millimetres to the viewer's right and down.
    """
    hu, labels = cut(scan.hu, scan, plane), cut(scan.labels, scan, plane)
    down, across = pixel_spacing(scan, plane.kind)
    width, height = hu.shape[1] * across, hu.shape[0] * down
    half = WINDOW_WIDTH_HU / 2
    axes.imshow(
        hu,
        cmap="gray",
        vmin=WINDOW_LEVEL_HU - half,
        vmax=WINDOW_LEVEL_HU + half,
        extent=(0.0, width, height, 0.0),
        interpolation="bilinear",
        aspect="equal",
    )
    for side in (RIGHT, LEFT):
        _outline(axes, labels == side, down, across, side)
    _letters(axes, plane, width, height)
    _bar(axes, width, height)
    for level in levels:
        y = (scan.box[0].stop - 1 - level.index + 0.5) * scan.spacing[0]
        axes.plot([width * 0.96, width], [y, y], color="white", linewidth=2.5, path_effects=_halo(5))
        _write(axes, width * 0.95, y, level.number, ha="right", va="center", points=15)
    axes.set_axis_off()
    axes.set(xlim=(0.0, width), ylim=(height, 0.0))
    return axes


def _profile(mask: AnyArray, axis: int) -> AnyArray:
    """Count the voxels of a mask in each plane along one axis."""
    counts: AnyArray = np.count_nonzero(mask, axis=tuple(a for a in range(3) if a != axis))
    return counts


def _widest(mask: AnyArray, axis: int) -> int:
    counts = _profile(mask, axis)
    return int(np.argmax(counts)) if counts.any() else mask.shape[axis] // 2


def pixel_spacing(scan: OrientedScan, kind: Kind) -> tuple[float, float]:
    """Millimetres of a pixel down and across a view."""
    down, across = _DOWN_ACROSS[kind]
    return scan.spacing[down], scan.spacing[across]


def cut(array: AnyArray, scan: OrientedScan, plane: Plane) -> AnyArray:
    """Take one plane inside the box, first row on top: coronal and sagittal planes are turned head up."""
    where: list[slice | int] = list(scan.box)
    where[_NORMAL[plane.kind]] = plane.index
    picture: AnyArray = array[tuple(where)]
    return picture if plane.kind == "axial" else picture[::-1]


def _outline(axes: Axes, mask: AnyArray, down: float, across: float, side: int) -> None:
    if not mask.any():
        return
    ringed = np.pad(mask, 1).astype(np.float32)  # an outline closes where the picture ends
    x = (np.arange(ringed.shape[1]) - 0.5) * across
    y = (np.arange(ringed.shape[0]) - 0.5) * down
    lines = axes.contour(
        x, y, ringed, levels=[0.5], colors=LUNG_COLOURS[side], linewidths=1.6, linestyles=[LUNG_LINES[side]]
    )
    lines.set(path_effects=_halo(2.6))


def _letters(axes: Axes, plane: Plane, width: float, height: float) -> None:
    first, last = _SIDES[plane.kind]
    colours = ("white", "white") if plane.kind == "sagittal" else (LUNG_COLOURS[RIGHT], LUNG_COLOURS[LEFT])
    inset = 0.022 * width
    _write(axes, inset, inset, first, ha="left", va="top", points=20, color=colours[0])
    _write(axes, width - inset, inset, last, ha="right", va="top", points=20, color=colours[1])
    if plane.number:
        _write(axes, width - inset, height - inset, plane.number, ha="right", va="bottom", points=15)


def _bar(axes: Axes, width: float, height: float) -> None:
    left, base = 0.03 * width, height - 0.035 * width
    ends = [left, left + BAR_MM]
    axes.plot(ends, [base, base], color="white", lw=4, solid_capstyle="butt", path_effects=_halo(7), gid="bar")
    _write(axes, ends[1] + 0.012 * width, base, f"{BAR_MM:.0f} mm", ha="left", va="center", points=13)


def _halo(width: float = 3.0) -> list[object]:
    """Make the black rim, so many points wide, that keeps light marks readable on a light chest wall."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="black")]


def _write(axes: Axes, x: float, y: float, text: str, *, ha: str, va: str, points: float, color: str = "white") -> None:
    axes.text(x, y, text, ha=ha, va=va, fontsize=points, color=color, fontweight="bold", path_effects=_halo())
