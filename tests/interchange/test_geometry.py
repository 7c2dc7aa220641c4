"""SEG and Parametric Map land on the anatomy, whatever way the scan is stored: held against the scan's own slices."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest

from spiroct.imaging.volume import LabelMap
from spiroct.interchange.identity import Identity
from spiroct.interchange.number_map import NumberMap
from spiroct.interchange.parametric_map import parametric_map
from spiroct.interchange.segments import lung_segmentation

from .conftest import COSINES, bright_points, frame_points

IDENTITY = Identity(seed="a" * 64, version="0", serial="b" * 16, demonstration=True)


def stored(made: Any) -> pydicom.Dataset:
    """Write an object and read it as another program would."""
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return pydicom.dcmread(stream)


@pytest.mark.parametrize("name", [*COSINES, "oblique"])
def test_a_segment_covers_the_voxels_that_were_labelled(name: str, stored_along: Callable[..., Any]) -> None:
    folder, volume, source = stored_along(name)
    labels = LabelMap((volume.hu > 300).astype(np.uint8), volume.geometry)
    made = stored(lung_segmentation(labels, source, IDENTITY, number=1))
    assert set(frame_points(made, made.pixel_array)) == bright_points(folder)
    assert made.FrameOfReferenceUID == source.frame_of_reference


@pytest.mark.parametrize("name", [*COSINES, "oblique"])
def test_a_map_holds_its_numbers_where_they_belong(name: str, stored_along: Callable[..., Any]) -> None:
    folder, volume, source = stored_along(name)
    numbers = np.where(volume.hu > 300, volume.hu / 1000, 0).astype(np.float32)
    made = stored(parametric_map(NumberMap("m", "test", "L", numbers, volume.geometry), source, IDENTITY, number=1))
    found = frame_points(made, np.frombuffer(made.FloatPixelData, np.float32).reshape(-1, made.Rows, made.Columns))
    assert set(found) == bright_points(folder)
    assert sorted(set(found.values())) == pytest.approx([0.65, 0.7])
    assert min(found, key=lambda p: found[p]) in bright_points(folder)


def test_left_and_right_are_two_segments(stored_along: Callable[..., Any]) -> None:
    _, volume, source = stored_along("as scanners store it")
    labels = np.zeros(volume.hu.shape, np.uint8)
    labels[2:5, 3:6, 4:8], labels[10:14, 3:6, 20:30] = 1, 2
    made = stored(lung_segmentation(LabelMap(labels, volume.geometry), source, IDENTITY, number=1))
    sides = [
        s.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning
        for s in made.SegmentSequence
    ]
    assert [(s.SegmentNumber, s.SegmentLabel) for s in made.SegmentSequence] == [(1, "Right lung"), (2, "Left lung")]
    assert sides == ["Right", "Left"]
    of = [f.SegmentIdentificationSequence[0].ReferencedSegmentNumber for f in made.PerFrameFunctionalGroupsSequence]
    counts = {n: int(made.pixel_array[[i for i, m in enumerate(of) if m == n]].sum()) for n in (1, 2)}
    assert counts == {1: 3 * 3 * 4, 2: 4 * 3 * 10}


def test_a_map_of_nothing_or_of_nan_is_refused(stored_along: Callable[..., Any]) -> None:
    _, volume, source = stored_along("oblique")
    nothing = np.zeros(volume.hu.shape, np.float32)
    with pytest.raises(ValueError, match="nothing but zeros"):
        parametric_map(NumberMap("m", "test", "L", nothing, volume.geometry), source, IDENTITY, number=1)
    with pytest.raises(ValueError, match="not finite"):
        parametric_map(NumberMap("m", "test", "L", nothing * np.nan, volume.geometry), source, IDENTITY, number=1)
