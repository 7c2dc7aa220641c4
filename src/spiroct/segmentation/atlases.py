"""Atlases: chest CTs whose lungs are labelled, found in a folder and read one at a time."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spiroct.errors import InputError, UsageError
from spiroct.imaging.image_files import FORMATS, format_of, read_image
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap

LABEL_SUFFIXES = ("_lungs", "_label")
LAYOUT = "images/NAME.nii.gz with masks/NAME.nii.gz, or NAME.nii.gz beside NAME_lungs.nii.gz, or a cohort.csv"
REMEDY = (
    "make a simulated set with 'spiroct simulate cohort ATLASES --n 8 --preset healthy --spacing 2' or name "
    "a folder of your own"
)


@dataclass(frozen=True)
class AtlasFiles:
    """Where one atlas lies.

    Parameters
    ----------
    name : str
        What messages call it.
    image, lungs : Path
        Chest CT, and its label map (1 right, 2 left lung) on the same grid.
    """

    name: str
    image: Path
    lungs: Path


def find_atlases(folder: Path) -> tuple[AtlasFiles, ...]:
    """Find the pairs of image and label map in a folder, sorted by name.

    Parameters
    ----------
    folder : Path
        ``images/`` and ``masks/`` with files of the same names (as ``spiroct simulate cohort`` writes them), or
        label maps called ``NAME_lungs`` or ``NAME_label`` beside their images; or a CSV file with the columns
        ``image`` and ``lung_mask`` (as a cohort.csv), paths relative to it.

    Returns
    -------
    tuple of AtlasFiles
        At least one.

    Raises
    ------
    InputError
        If the folder is not there, a pair is incomplete, or there is no pair at all.
    """
    if folder.is_file() and folder.suffix.lower() == ".csv":
        found = _listed(folder)
    elif folder.is_dir():
        found = _in_two_folders(folder) if (folder / "images").is_dir() else _side_by_side(folder)
    else:
        raise InputError(f"--atlases {folder}", f"there is no such folder; atlases are {LAYOUT}", REMEDY)
    if not found:
        raise InputError(f"--atlases {folder} holds no atlas", f"atlases are {LAYOUT}", REMEDY)
    for atlas in found:
        for path in (atlas.image, atlas.lungs):
            if not path.exists():
                raise InputError(
                    f"atlas {atlas.name}: {path} is missing", "an atlas is an image and its label map", "add the file"
                )
    return tuple(sorted(found, key=lambda atlas: atlas.name))


def read_atlas(files: AtlasFiles) -> tuple[CTVolume, LabelMap]:
    """Read one atlas, turned to canonical axes.

    Raises
    ------
    InputError
        If label map and image lie on different grids, or the labels are not 1 (right) and 2 (left).
    """
    volume = read_ct(files.image)
    values, geometry = read_image(files.lungs)
    if not _same_grid(geometry, volume.geometry):
        raise InputError(
            f"atlas {files.name}: the label map ({geometry.shape} voxels) does not lie on its image's grid "
            f"({volume.geometry.shape} voxels)",
            "an atlas's label map has the geometry of its image",
            "resample the label map onto the image",
        )
    present = {float(v) for v in np.unique(values)}
    if not {1, 2} <= present <= {0, 1, 2}:
        raise InputError(
            f"atlas {files.name}: the label map holds {', '.join(f'{v:g}' for v in sorted(present)[:8])}",
            "labels are 1 (right lung) and 2 (left lung), 0 elsewhere",
            "relabel it",
        )
    return to_canonical(volume), to_canonical(LabelMap(values.astype(np.uint8), volume.geometry))


def require_atlases(atlases: Path | None) -> Path:
    """Refuse to go on without atlases, and name how to make some.

    Raises
    ------
    UsageError
        If there is no folder.
    """
    if atlases is None:
        raise UsageError("--lungs multi-atlas without --atlases", "the method needs a folder of atlases", REMEDY)
    return atlases


def atlases_digest(found: tuple[AtlasFiles, ...]) -> str:
    """Hash the contents of all atlases (BLAKE2b): the same atlases give the same digest wherever they lie."""
    digest = hashlib.blake2b(digest_size=16)
    for atlas in found:
        for path in (atlas.image, atlas.lungs):
            files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            for file in files:
                with file.open("rb") as content:
                    digest.update(hashlib.file_digest(content, "blake2b").digest())
    return digest.hexdigest()


def _same_grid(one: Geometry, other: Geometry) -> bool:
    """Whether two grids have the same voxels, to within half a millimetre at their corners."""
    z, y, x = one.shape
    corners = np.array([(i, j, k) for i in (0, z) for j in (0, y) for k in (0, x)], dtype=float)
    return one.shape == other.shape and np.allclose(one.point(corners), other.point(corners), atol=0.5)


def _stem(path: Path) -> str:
    """Name of an image file without its ending; empty for any other file."""
    if format_of(path) is None or not path.is_file():
        return ""
    ending = max((e for e in FORMATS if path.name.lower().endswith(e)), key=len)
    return path.name[: -len(ending)]


def _in_two_folders(folder: Path) -> list[AtlasFiles]:
    images = {_stem(p): p for p in sorted((folder / "images").iterdir()) if _stem(p)}
    labels = {_stem(p): p for p in sorted((folder / "masks").glob("*")) if _stem(p)}
    return [AtlasFiles(n, p, labels.get(n, folder / "masks" / p.name)) for n, p in images.items()]


def _side_by_side(folder: Path) -> list[AtlasFiles]:
    files = {_stem(p): p for p in sorted(folder.iterdir()) if _stem(p)}
    found = []
    for name, path in files.items():
        suffix = next((s for s in LABEL_SUFFIXES if name.endswith(s)), None)
        if suffix is not None:
            image = name.removesuffix(suffix)
            found.append(AtlasFiles(image, files.get(image, folder / f"{image}.nii.gz"), path))
    return found


def _listed(table: Path) -> list[AtlasFiles]:
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or not {"image", "lung_mask"} <= rows[0].keys():
        raise InputError(
            f"--atlases {table}", "a table of atlases has the columns image and lung_mask, and a row an atlas", REMEDY
        )
    return [
        AtlasFiles(
            _stem(Path(row["image"])) or row["image"], table.parent / row["image"], table.parent / row["lung_mask"]
        )
        for row in rows
        if row["lung_mask"]
    ]
