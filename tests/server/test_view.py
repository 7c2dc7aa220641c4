"""What the viewer gets: small enough, and every point of the patient where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spiroct.imaging.volume import CANONICAL_DIRECTION, CTVolume, Geometry, LabelMap
from spiroct.server.view import MOST_VOXELS, view_spacing, write_view

FLIPPED = ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0))
SAGITTAL = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))
COSINE = np.cos(0.3), np.sin(0.3)
OBLIQUE = ((0.0, -COSINE[1], COSINE[0]), (0.0, COSINE[0], COSINE[1]), (1.0, 0.0, 0.0))
TURNED = {"canonical": CANONICAL_DIRECTION, "flipped": FLIPPED, "sagittal": SAGITTAL, "oblique": OBLIQUE}


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((900, 512, 512), (0.5, 0.7, 0.7)), ((133, 512, 512), (2.5, 0.86, 0.86)), ((64, 64, 79), (4.2, 4.2, 4.0))],
)
def test_the_view_is_small_and_loses_the_finest_axes_first(
    shape: tuple[int, int, int], spacing: tuple[float, float, float]
) -> None:
    made = view_spacing(Geometry(shape, spacing))
    voxels = np.prod([n * old / new for n, old, new in zip(shape, spacing, made, strict=True)])
    assert voxels <= 1.01 * MOST_VOXELS
    assert all(new >= old for new, old in zip(made, spacing, strict=True))
    if np.prod(shape) <= MOST_VOXELS:
        assert made == spacing
    else:
        assert voxels > 0.9 * MOST_VOXELS
    if spacing[0] == 2.5:
        assert made[0] == 2.5


@pytest.mark.parametrize("direction", TURNED.values(), ids=TURNED)
@pytest.mark.parametrize("most", [MOST_VOXELS, 30_000])
def test_a_mark_stays_at_its_place_in_the_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direction: tuple[tuple[float, float, float], ...], most: int
) -> None:
    monkeypatch.setattr("spiroct.server.view.MOST_VOXELS", most)
    geometry = Geometry((40, 48, 56), (2.0, 1.0, 1.5), (-30.0, 12.0, -400.0), direction)  # type: ignore[arg-type]
    hu = np.full(geometry.shape, -1000.0, np.float32)
    labels = np.zeros(geometry.shape, np.uint8)
    hu[8:12, 30:36, 40:44], labels[8:12, 30:36, 40:44] = 500.0, 2
    write_view(CTVolume(hu, geometry), {"lungs": LabelMap(labels, geometry)}, tmp_path / "view")
    wanted = geometry.point(np.argwhere(labels).mean(axis=0))
    for name, threshold in (("scan", -600), ("lungs", 1)):
        image = sitk.ReadImage(str(tmp_path / "view" / f"{name}.nii.gz"))
        found = np.argwhere(sitk.GetArrayFromImage(image) >= threshold).mean(axis=0)[::-1]
        assert image.TransformContinuousIndexToPhysicalPoint(found.tolist()) == pytest.approx(wanted, abs=1.0)
