"""Occlusion, integrated gradients and region ablation on toys with answers on paper, and against captum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import Occlusion as CaptumOcclusion

from spiroct.attribution.ablation import RegionAblation
from spiroct.attribution.differentiable import frozen_networks
from spiroct.attribution.filling import host_of, without_region
from spiroct.attribution.integrated_gradients import IntegratedGradients
from spiroct.attribution.layers import FusedActivationMap
from spiroct.attribution.methods import make_method
from spiroct.attribution.occlusion import Occlusion
from spiroct.attribution.regions import Anatomy
from spiroct.pft.measures import Measure

from .conftest import GAIN, MEAN, OFFSETS, SD, SHIFT, SIZE, SLOPES, Toy

DLCO, TLC = Measure.DLCO, Measure.TLC


def voxel_effects(toy: Toy, output: int, member: int, value: float) -> np.ndarray:
    """What each voxel adds over an input of one value: the sampled voxels alone count."""
    effects = np.zeros((SIZE,) * 3)
    sampled = toy.x[::2, ::2, ::2].astype(float) - value
    effects[::2, ::2, ::2] = SD[output] * SLOPES[output] * GAIN[member] * sampled / (SIZE // 2) ** 3
    return effects


def even(output: int, member: int, value: float) -> float:
    """Estimate of an input that is one value everywhere."""
    return SD[output] * (SLOPES[output] * (GAIN[member] * value + SHIFT) + OFFSETS[output]) + MEAN[output]


def test_integrated_gradients_are_the_effects_of_the_voxels(toy: Toy) -> None:
    found = IntegratedGradients(toy.predictor, steps=4).explain(toy.subject)
    for output, measure in enumerate((DLCO, TLC)):
        for member in range(2):
            expected = voxel_effects(toy, output, member, -1.0) * SIZE**3
            np.testing.assert_allclose(found[measure].members[member] / SIZE**3, expected / SIZE**3, atol=1e-5)
            assert found[measure].bias[member] == pytest.approx(even(output, member, -1.0), abs=1e-5)
        assert found[measure].completeness_error < 1e-5


def test_occlusion_of_a_linear_network_is_the_sum_in_the_box(toy: Toy) -> None:
    found = Occlusion(toy.predictor, window_mm=20.0, fill=-1.0).explain(toy.subject)
    for output, measure in enumerate((DLCO, TLC)):
        for member in range(2):
            boxes = voxel_effects(toy, output, member, -1.0).reshape(2, 4, 2, 4, 2, 4).sum(axis=(1, 3, 5))
            mapped = found[measure].members[member].reshape(2, 4, 2, 4, 2, 4).mean(axis=(1, 3, 5)) / 8
            np.testing.assert_allclose(mapped, boxes, atol=1e-5)
        assert found[measure].completeness_error < 1e-5


def test_occlusion_agrees_with_captum(toy: Toy) -> None:
    found = Occlusion(toy.predictor, window_mm=10.0, fill=0.25).explain(toy.subject, (DLCO,))[DLCO]
    network = frozen_networks(toy.predictor.checkpoint)[1]
    volume = torch.from_numpy(toy.x)[None, None]
    theirs = CaptumOcclusion(network).attribute(
        volume, sliding_window_shapes=(1, 2, 2, 2), strides=(1, 2, 2, 2), baselines=0.25, target=0
    )
    np.testing.assert_allclose(found.members[1] / 64, SD[0] * theirs[0, 0].numpy(), atol=1e-5)


def test_a_box_that_is_even_already_is_not_asked(toy: Toy) -> None:
    method = Occlusion(toy.predictor, window_mm=20.0)
    method.explain(toy.subject, (DLCO,))
    assert method.passes == 2 * (2 + 8)  # two networks; whole, all covered, eight boxes


def anatomy() -> Anatomy:
    left = np.zeros((SIZE,) * 3, np.float32)
    left[..., SIZE // 2 :] = 1
    core = np.zeros_like(left)
    core[2:6, 2:6, 5:8] = 1
    nothing = np.zeros_like(left)
    shares = {"lungs": left, "left_lung": left, "muscle": 1 - left, "ild": core, "outside_body": nothing}
    return Anatomy(shares, ("left_lung", "muscle", "outside_body"))


def test_a_region_gives_way_to_its_surround() -> None:
    parts = anatomy()
    values = np.where(parts.shares["lungs"] > 0, -0.8, 0.2).astype(np.float32)
    sick = np.where(parts.shares["ild"] > 0, 0.5, values).astype(np.float32)
    healed = without_region(sick, parts.shares["ild"], host_of("ild", parts.shares), 5.0)
    np.testing.assert_allclose(healed, values, atol=1e-6)  # lung for what lies in the lung
    gone = without_region(sick, parts.shares["left_lung"], host_of("left_lung", parts.shares), 5.0)
    np.testing.assert_allclose(gone, 0.2, atol=1e-6)  # body for the lung itself


def test_ablation_tells_the_change_on_paper_with_its_interval(toy: Toy) -> None:
    parts = anatomy()
    rows = {(r.region, r.measure): r for r in RegionAblation(toy.predictor, parts).table(toy.subject)}
    assert {region for region, _ in rows} == {"left_lung", "muscle", "ild"}
    without = without_region(toy.x, parts.shares["ild"], host_of("ild", parts.shares), 5.0)
    lost = (toy.x[::2, ::2, ::2].astype(float) - without[::2, ::2, ::2]).mean()
    each = SD[0] * SLOPES[0] * np.array(GAIN) * lost
    row = rows["ild", DLCO]
    assert row.change == pytest.approx(each.mean(), abs=1e-5)
    assert row.upper - row.change == pytest.approx(12.7062047 * abs(each[0] - each[1]) / 2, abs=1e-4)


def test_the_map_of_an_ablation_holds_each_regions_change(toy: Toy) -> None:
    parts = anatomy()
    method = make_method("region-ablation", anatomy=parts)(toy.predictor)
    found = method.explain(toy.subject, (DLCO,))[DLCO]
    row = next(r for r in method.table(toy.subject) if (r.region, r.measure) == ("ild", DLCO))
    inside = parts.shares["ild"] > 0
    assert found.values[inside].sum() / SIZE**3 == pytest.approx(row.change, abs=1e-5)
    assert found.bias[0] == pytest.approx(even(0, 0, -1.0), abs=1e-5)
    with pytest.raises(ValueError, match="needs the anatomy"):
        make_method("region-ablation")(toy.predictor)


def test_fusion_of_a_network_without_finer_stages_spreads_by_the_stem(toy: Toy) -> None:
    """The stem is the pool's input here: a cell's contribution goes where the cell itself is strong."""
    found = FusedActivationMap(toy.predictor).explain(toy.subject)
    for output, measure in enumerate((DLCO, TLC)):
        cells = SD[output] * SLOPES[output] * (GAIN[0] * toy.x[::2, ::2, ::2].astype(float) + SHIFT)
        assert found[measure].members[0].mean(dtype=np.float64) == pytest.approx(cells.mean(), abs=1e-5)
        assert found[measure].completeness_error < 1e-5
