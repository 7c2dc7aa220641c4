"""The one door for scans: a DICOM folder or zip, or a NIfTI, MHA, MHD or NRRD file, becomes a CTVolume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spiroct.errors import ScanError
from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.archives import unpacked
from spiroct.imaging.dicom_folder import MINIMUM_SLICES, acquisition_of, choose_series, find_slices
from spiroct.imaging.dicom_header import SliceHeader, read_header, text
from spiroct.imaging.dicom_series import padding_hu, read_series
from spiroct.imaging.hounsfield import replace_padding, require_hounsfield
from spiroct.imaging.image_files import FORMATS, format_of, read_image
from spiroct.imaging.orientation import obliqueness_degrees, to_canonical
from spiroct.imaging.volume import CTVolume

OBLIQUE_DEGREES = 10.0


def read_ct(path: Path, *, series: str | None = None) -> CTVolume:
    """Read a chest CT in Hounsfield units, in the file's own frame.

    Parameters
    ----------
    path : Path
        DICOM folder (nested, several series), one DICOM file of a folder, a zip archive of either, or a NIfTI, MHA,
        MHD or NRRD file.
    series : str, optional
        SeriesInstanceUID to read; by default the chest CT best suited is chosen and
        ``volume.acquisition.choice`` says why.

    Returns
    -------
    CTVolume
        Padding outside the field of view set to -1000 HU; ``acquisition`` holds what the header tells.

    Raises
    ------
    ScanError
        If the path is no readable chest CT; the message names the file, the reason and the remedy.
    """
    path = Path(path)
    if not path.exists():
        raise ScanError(f"{path} does not exist", "a scan is a DICOM folder, a zip or an image file", "check the path")
    if path.is_dir():
        volume = _read_dicom(path, str(path), series)
    elif path.suffix.lower() == ".zip":
        volume = _read_zip(path, series)
    elif format_of(path) is not None:
        volume = _read_file(path, series)
    else:
        volume = _read_single(path, series)
    return _checked(volume, str(path))


def series_of(path: Path) -> str | None:
    """Tell which series :func:`read_ct` reads by default, from headers alone.

    Parameters
    ----------
    path : Path
        As for :func:`read_ct`; it exists.

    Returns
    -------
    str or None
        Its SeriesInstanceUID; None for an image file, alone or in a zip.

    Raises
    ------
    ScanError
        If there is no chest CT among what the path holds.
    """
    if path.is_dir():
        return _series_in(path, str(path))
    if path.suffix.lower() == ".zip":
        with unpacked(path) as folder:
            return _series_in(folder, str(path)) if _image_in(folder, path) is None else None
    return None if format_of(path) is not None else text(_single_header(path).facts["SeriesInstanceUID"])


def _series_in(folder: Path, name: str) -> str | None:
    slices, _ = choose_series(find_slices(folder, name), name)
    return text(slices[0].facts["SeriesInstanceUID"])


def _read_dicom(folder: Path, name: str, series: str | None) -> CTVolume:
    slices, choice = choose_series(find_slices(folder, name), name, series)
    hu, geometry, notes = read_series(slices, name)
    hu, padding = replace_padding(hu, padding_hu(slices))
    facts = replace(acquisition_of(slices, choice), padding_hu=padding, notes=notes, slices=geometry.shape[0])
    return CTVolume(hu, geometry, facts)


def _read_file(path: Path, series: str | None, name: str | None = None) -> CTVolume:
    if series is not None:
        raise ScanError(f"--series {series}", f"{name or path} is one image without series", "leave --series out")
    values, geometry = read_image(path)
    require_hounsfield(values, name or str(path))
    hu, padding = replace_padding(values)
    label = format_of(path) or "unknown"
    return CTVolume(hu, geometry, Acquisition(format=label, padding_hu=padding))


def _read_zip(path: Path, series: str | None) -> CTVolume:
    with unpacked(path) as folder:
        image = _image_in(folder, path)
        return _read_dicom(folder, str(path), series) if image is None else _read_file(image, series, str(path))


def _image_in(folder: Path, archive: Path) -> Path | None:
    """Find the image file of an unpacked archive; None where it holds DICOM."""
    images = [p for p in sorted(folder.rglob("*")) if p.is_file() and format_of(p) is not None]
    if len(images) > 1:
        raise ScanError(
            f"{archive} holds {len(images)} image files",
            "an archive holds one scan",
            "name one of the images",
        )
    return images[0] if images else None


def _read_single(path: Path, series: str | None) -> CTVolume:
    """Read the series that one DICOM file belongs to; anything else is not a scan."""
    header = _single_header(path)
    return _read_dicom(path.parent, str(path.parent), series or header.series_uid)


def _single_header(path: Path) -> SliceHeader:
    header = read_header(path)
    if header is None:
        raise ScanError(
            f"{path} is not a scan (no DICOM, and its ending is none of {', '.join(FORMATS)}, .zip)",
            "a scan is a DICOM folder or zip, or a NIfTI, MHA, MHD or NRRD file",
            "name one of these",
        )
    if header.modality != "CT":
        choose_series([header], str(path))
    return header


def _checked(volume: CTVolume, name: str) -> CTVolume:
    require_hounsfield(volume.hu, name)
    slices = to_canonical(volume).geometry.shape[0]
    if slices < MINIMUM_SLICES:
        raise ScanError(
            f"{name} has {slices} slices from foot to head",
            f"a chest CT has at least {MINIMUM_SLICES}",
            "name the whole scan",
        )
    angle = obliqueness_degrees(volume.geometry)
    notes = volume.acquisition.notes
    if angle > OBLIQUE_DEGREES:
        notes = (*notes, f"The scan is oblique by {angle:.0f} degrees; it is read along its own axes.")
    facts = replace(volume.acquisition, slices=slices, notes=notes)
    return replace(volume, acquisition=facts)
