"""Anatomical accounting: parts and bias add up to the estimate; regions lie where anatomy says."""

from __future__ import annotations

import numpy as np
import pytest

from spiroct.attribution.accounting import account, cohort_account, mean_interval
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.attribution.regions import Anatomy, anatomy_of_labels, anatomy_of_scan
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.pft.measures import Measure
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render

from .conftest import SIZE, Toy


def halves() -> Anatomy:
    lower = np.zeros((SIZE,) * 3, np.float32)
    lower[: SIZE // 2] = 1
    return Anatomy({"lower": lower, "upper": 1 - lower, "corner": lower * 0}, ("lower", "upper"), {"heart": "not seen"})


def test_parts_and_bias_add_up_to_the_estimate(toy: Toy) -> None:
    found = RegressionActivationMap(toy.predictor).explain(toy.subject, (Measure.DLCO,))[Measure.DLCO]
    rows = {row.region: row for row in account(found, halves())}
    parts = sum(row.contribution for row in rows.values() if row.part)
    assert parts + found.bias.mean() == pytest.approx(found.estimate.mean(), rel=1e-5)
    assert rows["lower"].share + rows["upper"].share == pytest.approx(100)
    assert rows["lower"].volume_share == 50
    assert rows["corner"].contribution is None
    assert rows["corner"].reason == "the region is empty"
    assert rows["heart"].reason == "not seen"
    # two networks: t(1) = 12.706 times the standard error of two values, which is half their difference
    each = (found.members[:, : SIZE // 2].sum(axis=(1, 2, 3)) / SIZE**3).astype(float)
    half = 12.7062047 * abs(each[0] - each[1]) / 2
    assert rows["lower"].upper - rows["lower"].contribution == pytest.approx(half, rel=1e-4)


def test_a_cohort_is_its_patients_mean_with_a_t_interval(toy: Toy) -> None:
    found = RegressionActivationMap(toy.predictor).explain(toy.subject, (Measure.DLCO,))[Measure.DLCO]
    rows = account(found, halves())
    table = cohort_account([("a", "DLCO", rows), ("b", "DLCO", rows)])
    lower = table.loc[(table["region"] == "lower") & (table["quantity"] == "contribution")].iloc[0]
    assert lower["value"] == pytest.approx(rows[0].contribution)
    assert lower["lower"] == pytest.approx(lower["upper"])
    assert lower["n"] == 2
    assert mean_interval(np.array([1.0])) == (None, None)
    # 1, 2, 3: mean 2, t(2) = 4.3027, standard error 0.57735
    assert mean_interval(np.array([1.0, 2.0, 3.0])) == pytest.approx((-0.48414, 4.48414), abs=1e-4)


@pytest.fixture(scope="module")
def phantom_scan() -> tuple:
    phantom = render(draw_patient(0, 3), spacing=5.0)
    geometry = Geometry(phantom.hu.shape, phantom.spacing, (-150.0, -120.0, -300.0))
    return phantom, CTVolume(phantom.hu.astype(np.float32), geometry), geometry


def test_regions_of_a_scan_are_those_of_its_truth(phantom_scan: tuple) -> None:
    phantom, volume, patch = phantom_scan
    lungs = LabelMap(phantom.labels["lungs"].astype(np.uint8), volume.geometry)
    truth = anatomy_of_labels(phantom.labels, volume.geometry, patch)
    found = anatomy_of_scan(volume, lungs, patch)
    for anatomy in (truth, found):
        whole = np.sum([anatomy.shares[name] for name in anatomy.parts], axis=0)
        np.testing.assert_allclose(whole, 1.0, atol=1e-5)
    assert set(found.reasons) >= {"heart", "oesophagus", "vessels", "lobes"}
    np.testing.assert_array_equal(found.shares["right_lung"], truth.shares["right_lung"])
    for name, least in (("fat", 0.7), ("bone", 0.5), ("outside_body", 0.95)):
        one, other = found.shares[name] > 0.5, truth.shares[name] > 0.5
        assert 2 * (one & other).sum() / (one.sum() + other.sum()) > least, name
    for name in ("heart", "oesophagus"):
        inside = truth.shares[name] > 0.5
        central = found.shares["mediastinum"][inside].mean()
        assert central > 0.7, name


def test_a_coarser_patch_holds_the_same_volumes(phantom_scan: tuple) -> None:
    phantom, volume, patch = phantom_scan
    coarse = Geometry(tuple(n // 2 for n in patch.shape), (10.0, 10.0, 10.0), tuple(o + 2.5 for o in patch.origin))
    fine, wide = (anatomy_of_labels(phantom.labels, volume.geometry, g) for g in (patch, coarse))
    for name in ("right_lung", "muscle", "liver"):
        assert wide.shares[name].sum() * 8 == pytest.approx(fine.shares[name].sum(), rel=0.05)
