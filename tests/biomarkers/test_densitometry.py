"""Densities of voxels whose histogram is constructed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spiroct.biomarkers.densitometry import densitometry


def test_shares_at_the_very_thresholds() -> None:
    """Below -950 and -910 exclude the value itself; -600 and -250 belong to the high attenuation areas."""
    hu = np.array([-951, -950, -949, -911, -910, -909, -601, -600, -250, -249], np.float32)
    found = densitometry(hu)
    assert found["laa950"] == pytest.approx(10.0)
    assert found["laa910"] == pytest.approx(40.0)
    assert found["haa"] == pytest.approx(20.0)


def test_percentiles_of_a_known_histogram() -> None:
    hu = np.random.default_rng(1).permutation(np.arange(-1000, 1, dtype=np.float32))  # 1,001 values
    found = densitometry(hu)
    assert {n: found[n] for n in ("perc10", "perc15", "perc85", "perc90", "perc95")} == {
        "perc10": -900, "perc15": -850, "perc85": -150, "perc90": -100, "perc95": -50,
    }  # fmt: skip


def test_moments_as_scipy_has_them() -> None:
    hu = np.random.default_rng(0).gamma(2.0, 60.0, 5000).astype(np.float32) - 950
    found = densitometry(hu)
    exact = hu.astype(np.float64)
    assert found["mean_density"] == pytest.approx(exact.mean())
    assert found["sd_density"] == pytest.approx(exact.std())
    assert found["skewness"] == pytest.approx(stats.skew(exact))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(exact))


def test_no_voxels_and_no_spread() -> None:
    assert set(densitometry(np.zeros(0, np.float32)).values()) == {None}
    constant = densitometry(np.full(5, -800, np.float32))
    assert constant["skewness"] is constant["kurtosis"] is None
    assert constant["sd_density"] == 0
