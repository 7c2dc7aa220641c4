"""One DICOM series: order its slices by position, mend what can be mended, and read the Hounsfield units."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spiroct.errors import ScanError
from spiroct.imaging.dicom_header import SliceHeader
from spiroct.imaging.orientation import as_matrix3
from spiroct.imaging.volume import Geometry
from spiroct.types import Float32Array, Float64Array

SAME_PLACE_MM = 0.01
EVEN_SHARE = 0.02  # slice distances within 2 % of their median (and 0.05 mm) are called even
GAP_SHARE = 1.5  # a distance of 1.5 medians or more is a missing slice
_PIXEL_KEYWORDS = (
    "BitsAllocated", "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence",
    "PixelData",
)  # fmt: skip
TILT_MM = 0.2  # in-plane drift over the stack below which slices lie straight behind each other


def read_series(slices: list[SliceHeader], name: str) -> tuple[Float32Array, Geometry, tuple[str, ...]]:
    """Read a series into one volume.

    Slices are ordered by position along their normal, never by instance number.

    Parameters
    ----------
    slices : list of SliceHeader
        All of one series.
    name : str
        How the user calls the scan, for messages.

    Returns
    -------
    hu : array (z, y, x), float32
        Hounsfield units; array axis 0 along the slice normal.
    geometry : Geometry
        Where it lies.
    notes : tuple of str
        What had to be mended.

    Raises
    ------
    ScanError
        If slices are missing, differ in orientation or matrix, contradict each other, or cannot be decoded.
    """
    _refuse_mixed(slices, name)
    cosines = np.asarray(slices[0].orientation)
    normal = np.cross(cosines[:3], cosines[3:])
    places = np.asarray([float(np.dot(normal, np.asarray(h.position))) for h in slices])
    order = np.argsort(places, kind="stable")
    ordered, places = [slices[i] for i in order], places[order]
    hu = np.empty((len(ordered), *ordered[0].matrix), np.float32)
    for plane, header in zip(hu, ordered, strict=True):
        plane[...] = _read_slice(header, name)
    notes: list[str] = []
    hu, ordered, places = _drop_duplicates(hu, ordered, places, name, notes)
    _refuse_gaps(places, ordered, name)
    hu = _straighten(hu, ordered, cosines, notes)
    hu, spacing = _even_out(hu, places, notes)
    rows, columns = ordered[0].pixel_spacing or (1.0, 1.0)
    direction = np.stack([normal, cosines[3:], cosines[:3]], axis=1)
    origin = np.asarray(ordered[0].position, dtype=np.float64)
    geometry = Geometry(
        shape=hu.shape,
        spacing=(spacing, rows, columns),
        origin=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=as_matrix3(direction),
    )
    return hu, geometry, tuple(notes)


def _refuse_mixed(slices: list[SliceHeader], name: str) -> None:
    first = slices[0]
    for header in slices:
        if not np.allclose(np.asarray(header.orientation), np.asarray(first.orientation), atol=1e-3):
            raise ScanError(
                f"{name} holds slices of mixed orientations in one series ({first.file.name}, {header.file.name})",
                "the slices of a scan are parallel",
                "export the axial slices as a series of their own",
            )
        if header.matrix != first.matrix or not np.allclose(
            np.asarray(header.pixel_spacing), np.asarray(first.pixel_spacing), rtol=1e-3
        ):
            raise ScanError(
                f"{name} holds slices of different matrix or pixel size ({first.file.name}, {header.file.name})",
                "the slices of a scan have one matrix and one pixel size",
                "export one reconstruction",
            )
        if int(header.facts.get("SamplesPerPixel") or 1) != 1:
            raise ScanError(
                f"{header.file} is a colour image",
                "a CT slice has one channel",
                "export the original CT series",
            )
        if int(header.facts.get("NumberOfFrames") or 1) != 1:
            raise ScanError(
                f"{header.file} is a multi-frame object",
                "spiroct reads one slice per file",
                "convert it to single slices or to NIfTI",
            )


def _read_slice(header: SliceHeader, name: str) -> Float32Array:
    """Decode one slice with its own rescale values; GDCM knows every compression in use."""
    import SimpleITK as sitk

    try:
        stored = _stored_pixels(header)
        if stored is not None:
            return stored
        slice_hu: Float32Array = sitk.GetArrayFromImage(sitk.ReadImage(str(header.file), sitk.sitkFloat32))
    except RuntimeError:
        raise ScanError(
            f"{name}: the pixels of {header.file.name} cannot be decoded",
            "a file that is truncated or damaged cannot be part of a scan",
            "export or copy the series again",
        ) from None
    return slice_hu.reshape(header.matrix)


def _stored_pixels(header: SliceHeader) -> Float32Array | None:
    """Take pixels that lie in the file as they are, 16 bits each: what most scanners write, read in one pass.

    Returns
    -------
    array (y, x) or None
        Hounsfield units; None for whatever GDCM has to decode.

    Raises
    ------
    RuntimeError
        If the file ends before its pixels do, as GDCM does where it cannot decode; of uncompressed pixels it does
        not tell, but fills up with whatever lies in memory.
    """
    from pydicom import dcmread

    dataset = dcmread(header.file, specific_tags=list(_PIXEL_KEYWORDS))
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if "PixelData" not in dataset or syntax is None or syntax.is_compressed:
        return None
    bits = int(dataset.get("BitsAllocated") or 16)
    pixels = header.matrix[0] * header.matrix[1]
    if len(dataset.PixelData) < pixels * bits // 8:
        raise RuntimeError(f"{len(dataset.PixelData)} bytes of {pixels * bits // 8}")
    if bits != 16 or "ModalityLUTSequence" in dataset:
        return None
    order, signed = "<" if syntax.is_little_endian else ">", bool(dataset.get("PixelRepresentation"))
    stored = np.frombuffer(dataset.PixelData, f"{order}{'i' if signed else 'u'}2", pixels).reshape(header.matrix)
    used = int(dataset.get("BitsStored") or 16)
    low, high = (-(1 << used - 1), (1 << used - 1) - 1) if signed else (0, (1 << used) - 1)
    if stored.min() < low or stored.max() > high:
        return None  # something else lies in the upper bits, an overlay for instance
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    return (stored * float(1 if slope is None else slope) + float(intercept or 0)).astype(np.float32)


def _drop_duplicates(
    hu: Float32Array, ordered: list[SliceHeader], places: Float64Array, name: str, notes: list[str]
) -> tuple[Float32Array, list[SliceHeader], Float64Array]:
    keep = [0]
    for i in range(1, len(places)):
        if places[i] - places[keep[-1]] > SAME_PLACE_MM:
            keep.append(i)
        elif not np.array_equal(hu[i], hu[keep[-1]]):
            raise ScanError(
                f"{name} holds two different slices at one place ({ordered[keep[-1]].file.name}, "
                f"{ordered[i].file.name})",
                "a scan has one slice at each place",
                "export one time point or reconstruction",
            )
    if len(keep) == len(places):
        return hu, ordered, places
    notes.append(f"{len(places) - len(keep)} slices were there twice; the copies were dropped.")
    return hu[keep], [ordered[i] for i in keep], places[keep]


def _refuse_gaps(places: Float64Array, ordered: list[SliceHeader], name: str) -> None:
    distances = np.diff(places)
    median = float(np.median(distances)) if len(distances) else 0.0
    wide = np.flatnonzero(distances > GAP_SHARE * median)
    if len(wide):
        missing = int(sum(max(1, round(distances[i] / median) - 1) for i in wide))
        first = int(wide[0])
        raise ScanError(
            f"{name}: about {missing} slices are missing (a gap of {distances[first]:.3g} mm between "
            f"{ordered[first].file.name} and {ordered[first + 1].file.name}; the others are {median:.3g} mm apart)",
            "a gap cannot be filled without inventing anatomy",
            "export the whole series",
        )


def _straighten(hu: Float32Array, ordered: list[SliceHeader], cosines: Float64Array, notes: list[str]) -> Float32Array:
    """Shear a tilted stack back: shift every slice in its plane until the stack stands on its normal."""
    offsets = np.asarray([h.position for h in ordered]) - np.asarray(ordered[0].position)
    drift = np.stack([offsets @ cosines[3:], offsets @ cosines[:3]], axis=1)  # mm along (y, x)
    if np.abs(drift).max() < TILT_MM:
        return hu
    height = float(np.abs(offsets @ np.cross(cosines[:3], cosines[3:])).max())
    tilt = np.degrees(np.arctan2(np.abs(drift).max(), height))
    spacing = np.asarray(ordered[0].pixel_spacing)
    straight = np.empty_like(hu)
    for i, (plane, shift) in enumerate(zip(hu, drift / spacing, strict=True)):
        ndimage.shift(plane, shift, straight[i], order=1, mode="constant", cval=-1000.0, prefilter=False)
    notes.append(f"The stack leans by {tilt:.1f} degrees (gantry tilt); it was sheared back.")
    return straight


def _even_out(hu: Float32Array, places: Float64Array, notes: list[str]) -> tuple[Float32Array, float]:
    distances = np.diff(places)
    median = float(np.median(distances))
    spacing = float(places[-1] - places[0]) / (len(places) - 1)
    if np.abs(distances - median).max() <= max(EVEN_SHARE * median, 0.05):
        return hu, round(spacing, 5)
    wanted = np.linspace(places[0], places[-1], len(places))
    right = np.clip(np.searchsorted(places, wanted), 1, len(places) - 1)
    share = ((wanted - places[right - 1]) / (places[right] - places[right - 1])).astype(np.float32)
    even = hu[right - 1] * (1 - share)[:, None, None] + hu[right] * share[:, None, None]
    notes.append(
        f"Slice distances vary from {distances.min():.3g} to {distances.max():.3g} mm; "
        f"the volume was interpolated to {spacing:.3g} mm."
    )
    return even, round(spacing, 5)


def padding_hu(slices: list[SliceHeader]) -> float | None:
    """Return the padding value that the headers declare, in HU; None where they declare none."""
    facts = slices[0].facts
    declared = facts.get("PixelPaddingValue")
    if declared is None or isinstance(declared, bytes):
        return None
    slope, intercept = float(facts.get("RescaleSlope") or 1), float(facts.get("RescaleIntercept") or 0)
    return float(declared) * slope + intercept
