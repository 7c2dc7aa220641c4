"""Quality checks: each verdict on a scan made for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spiroct.imaging.acquisition import Acquisition
from spiroct.imaging.kernels import is_sharp
from spiroct.imaging.reading import read_ct
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.quality.acquisition import TrainingDomain, judge_acquisition
from spiroct.quality.masks import judge_lungs
from spiroct.quality.verdict import Outcome, Verdict

DOMAIN = TrainingDomain((0.5, 3.0), (110.0, 130.0), sharp_kernels=False, contrast=False)


def scan(spacing: float = 1.0, **facts: object) -> CTVolume:
    known = {"manufacturer": "SIEMENS", "kernel": "B30f", "kvp": 120.0, "slice_thickness_mm": spacing, **facts}
    geometry = Geometry((30, 40, 60), (spacing, 5.0, 5.0))
    return CTVolume(np.full(geometry.shape, -1000, np.float32), geometry, Acquisition(**known))


def lungs_in(volume: CTVolume, box: tuple[slice, slice, slice] = np.s_[5:25, 10:30, 10:50]) -> LabelMap:
    labels = np.zeros(volume.geometry.shape, np.uint8)
    labels[box] = 1
    labels[..., 31:] *= 2
    return LabelMap(labels, volume.geometry)


def outcome(verdicts: tuple[Verdict, ...], check: str) -> Outcome | None:
    return next((v.outcome for v in verdicts if v.check == check), None)


@pytest.mark.parametrize(("mm", "found"), [(1.0, "pass"), (3.0, "pass"), (5.0, "warn"), (6.0, "warn"), (8.0, "fail")])
def test_slice_thickness(mm: float, found: str) -> None:
    assert outcome(judge_acquisition(scan(mm)), "slice_thickness") == found


def test_thickness_counts_when_slices_overlap_and_spacing_when_they_do_not() -> None:
    assert outcome(judge_acquisition(scan(1.0, slice_thickness_mm=7.0)), "slice_thickness") == "fail"
    assert outcome(judge_acquisition(scan(7.0, slice_thickness_mm=1.0)), "slice_thickness") == "fail"


@pytest.mark.parametrize(
    ("manufacturer", "kernel", "sharp"),
    [
        ("SIEMENS", "B40f", False),
        ("SIEMENS", "B70f", True),
        ("SIEMENS", "Br59d", True),
        ("GE MEDICAL SYSTEMS", "STANDARD", False),
        ("GE MEDICAL SYSTEMS", "LUNG", True),
        ("Philips", "B", False),
        ("Philips", "L", True),
        ("TOSHIBA", "FC86", True),
        ("Canon Medical Systems", "FC08", False),
        ("Somebody", "X1", None),
        ("SIEMENS", None, None),
    ],
)
def test_kernels(manufacturer: str, kernel: str | None, sharp: bool | None) -> None:
    assert is_sharp(manufacturer, kernel) is sharp


def test_a_sharp_kernel_warns_and_never_refuses() -> None:
    verdicts = judge_acquisition(scan(kernel="B70f"), DOMAIN)
    assert outcome(verdicts, "kernel") == "warn"
    assert outcome(verdicts, "kernel_in_training_domain") == "warn"
    assert Outcome.FAIL not in {v.outcome for v in verdicts}
    seen = replace(DOMAIN, sharp_kernels=True)
    assert outcome(judge_acquisition(scan(kernel="B70f"), seen), "kernel_in_training_domain") is None


def test_an_unknown_kernel_warns() -> None:
    assert outcome(judge_acquisition(scan(kernel=None)), "kernel") == "warn"
    assert outcome(judge_acquisition(scan()), "kernel") == "pass"


def test_the_training_domain() -> None:
    inside = judge_acquisition(scan(1.0), DOMAIN)
    assert outcome(inside, "thickness_in_training_domain") == "pass"
    assert outcome(inside, "tube_voltage_in_training_domain") == "pass"
    outside = judge_acquisition(scan(5.0, kvp=80.0), DOMAIN)
    for check in ("thickness", "tube_voltage"):
        assert outcome(outside, f"{check}_in_training_domain") == "warn"
    assert outcome(judge_acquisition(scan(kvp=None), DOMAIN), "tube_voltage_in_training_domain") is None
    assert outcome(judge_acquisition(scan()), "thickness_in_training_domain") is None


def test_slices_thinner_than_the_networks_grid_are_alike() -> None:
    coarse = replace(DOMAIN, slice_thickness_mm=(5.0, 5.0))
    assert outcome(judge_acquisition(scan(1.0), coarse), "thickness_in_training_domain") == "warn"
    assert outcome(judge_acquisition(scan(1.0), coarse.read_at(5.0)), "thickness_in_training_domain") == "pass"
    assert outcome(judge_acquisition(scan(6.0), coarse.read_at(5.0)), "thickness_in_training_domain") == "warn"
    # A network that reads 1.5 mm and saw thick slices only has not seen thin ones.
    assert coarse.read_at(1.5) == coarse


@pytest.mark.parametrize(
    ("kvp", "found"), [(80.0, "warn"), (100.0, "pass"), (120.0, "pass"), (150.0, "warn"), (None, None)]
)
def test_tube_voltage(kvp: float | None, found: str | None) -> None:
    assert outcome(judge_acquisition(scan(kvp=kvp)), "tube_voltage") == found


def test_a_checkpoint_that_does_not_know_what_it_has_seen() -> None:
    verdicts = judge_acquisition(scan(kernel="B70f"), TrainingDomain((0.5, 3.0), None, None, None))
    (unknown,) = [v for v in verdicts if v.check == "training_domain"]
    assert unknown.outcome == "warn"
    assert unknown.value == "unknown: tube voltage, kernel, contrast"
    assert outcome(verdicts, "kernel_in_training_domain") is None
    assert outcome(verdicts, "tube_voltage_in_training_domain") is None
    assert outcome(judge_acquisition(scan(), DOMAIN), "training_domain") is None


@pytest.mark.parametrize(
    ("box", "check"),
    [(np.s_[0:25, 10:30, 10:50], "lungs_cut_at_base"), (np.s_[5:30, 10:30, 10:50], "lungs_cut_at_top")],
)
def test_cut_lungs_fail(box: tuple[slice, slice, slice], check: str) -> None:
    volume = scan()
    verdicts = judge_lungs(lungs_in(volume, box))
    assert [v.check for v in verdicts if v.outcome is Outcome.FAIL] == [check]
    assert next(v for v in verdicts if v.check == check).remedy


def test_a_tip_in_the_last_slice_is_no_cut() -> None:
    volume = scan()
    lungs = lungs_in(volume)
    lungs.labels[0, 10:13, 10:15] = 1  # 3.75 cm2
    assert outcome(judge_lungs(lungs), "lungs_cut_at_base") == "pass"


def test_base_and_top_are_the_patients_whatever_the_files_order() -> None:
    volume = scan()
    upside_down = Geometry(
        volume.geometry.shape, volume.geometry.spacing, direction=((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0))
    )
    lungs = LabelMap(lungs_in(volume, np.s_[0:25, 10:30, 10:50]).labels, upside_down)
    assert outcome(judge_lungs(lungs), "lungs_cut_at_top") == "fail"


def test_sides_and_volume_warn() -> None:
    volume = scan()
    verdicts = judge_lungs(lungs_in(volume, np.s_[5:25, 10:30, 25:60]))
    assert outcome(verdicts, "lung_sides") == "warn"
    assert outcome(verdicts, "lung_volume") == "warn"  # 0.35 L


@pytest.mark.parametrize(("series", "found"), [("kernelB", "pass"), ("kernelL", "warn")])
def test_the_sharp_one_of_two_kernels_of_one_patient(shared: Path, series: str, found: str) -> None:
    volume = read_ct(shared / "data" / "ct" / f"lungpetctdx_A0001_{series}")
    (kernel,) = [v for v in judge_acquisition(volume) if v.check == "kernel"]
    assert kernel.outcome == found
    assert ("LAA-950" in kernel.meaning) is (found == "warn")
