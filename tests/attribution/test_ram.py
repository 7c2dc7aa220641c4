"""RAM-3D: the closed form against sums done on paper, and against the networks themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spiroct.attribution.differentiable import convolutions_in_order
from spiroct.attribution.layers import AUTHORS_LAYER, FusedActivationMap, LayerActivationMap
from spiroct.attribution.ram import RegressionActivationMap, activation_map, linear_head
from spiroct.checkpoints.catalogue import find
from spiroct.errors import UsageError
from spiroct.inference.predictor import Predictor
from spiroct.networks.build import network_of
from spiroct.pft.measures import Measure

from .conftest import GAIN, MEAN, OFFSETS, SD, SHIFT, SLOPES, Toy, subject_on


def test_the_toy_estimates_what_paper_says(toy: Toy) -> None:
    for output, measure in enumerate(toy.predictor.checkpoint.measures):
        expected = [toy.estimate(member, output) for member in range(2)]
        np.testing.assert_allclose(toy.subject.estimates.members[measure], expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["pool", "stem", AUTHORS_LAYER])
def test_cells_and_bias_are_those_of_paper(toy: Toy, kind: str) -> None:
    method = RegressionActivationMap(toy.predictor)
    if kind != "pool":
        method = LayerActivationMap(toy.predictor, layer=kind)
    found = method.explain(toy.subject)
    for output, measure in enumerate((Measure.DLCO, Measure.TLC)):
        for member, gain in enumerate(GAIN):
            # before its normalisation the convolution knows nothing of the shift
            shift = 0.0 if kind == AUTHORS_LAYER else SHIFT
            cells = SD[output] * SLOPES[output] * (gain * toy.x[::2, ::2, ::2] + shift)
            shown = found[measure].shown_members[member]
            np.testing.assert_allclose(shown[:7:2, :7:2, :7:2], cells, atol=1e-5)
            values = found[measure].members[member]
            assert values.mean(dtype=np.float64) == pytest.approx(cells.mean(), abs=1e-5)
            bias = SD[output] * OFFSETS[output] + MEAN[output]
            assert found[measure].bias[member] == pytest.approx(bias, abs=1e-5)
        missing = SD[output] * SLOPES[output] * SHIFT if kind == AUTHORS_LAYER else 0.0
        estimates = np.array([toy.estimate(member, output) for member in range(2)])
        expected = np.max(np.abs(missing) / np.abs(estimates))
        assert found[measure].completeness_error == pytest.approx(expected, abs=1e-5)


def test_a_weighted_sum_of_features() -> None:
    features = np.arange(16.0).reshape(2, 2, 2, 2)
    found = activation_map(features, np.array([[1.0, -2.0]]))
    np.testing.assert_array_equal(found[0], features[0] - 2 * features[1])


ARCHITECTURES = [
    ({"name": "resnet3d", "width": 2, "depths": [1, 1]}, 2),
    ({"name": "resnet3d", "width": 2, "depths": [1, 1], "hidden": 5}, 0),
    ({"name": "resnet3d", "width": 2, "depths": [1], "stem": "fold"}, 0),
    ({"name": "x3d", "size": "XS", "z_stride": 2}, 2),
]


@pytest.mark.parametrize(("architecture", "aux"), ARCHITECTURES)
def test_the_linear_head_gives_the_networks_output(architecture: dict, aux: int) -> None:
    torch.manual_seed(1)
    network = network_of({**architecture, "aux": aux}, outputs=3).eval()
    volume, readings = torch.rand(1, 1, 32, 32, 32), torch.rand(1, aux) if aux else None
    with torch.inference_mode():
        features = network.features(volume)
        expected = network.head(features, readings)[0].double().numpy()
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    beside = None if readings is None else readings[0].numpy()
    weights, bias = linear_head(architecture, state, features[0].numpy(), beside)
    found = activation_map(features[0].numpy(), weights).mean(axis=(1, 2, 3)) + bias
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_pool_that_is_not_global_is_refused() -> None:
    with pytest.raises(UsageError, match="authors' pooling"):
        linear_head({"name": "x3d", "pooling": "authors"}, {}, np.zeros((1, 1, 1, 1)))
    with pytest.raises(UsageError, match="global average pool"):
        linear_head({"name": "resnet50_bilstm"}, {}, np.zeros((1, 1, 1, 1)))


def test_the_authors_layer_of_x3d_is_the_first_convolution_of_its_head() -> None:
    network = network_of({"name": "x3d", "size": "XS", "z_stride": 2}, outputs=4).eval()
    assert convolutions_in_order(network, torch.zeros(1, 1, 32, 32, 32))[-1] == "blocks.5.pool.pre_conv"


def test_the_shipped_checkpoint_is_complete_at_the_pool() -> None:
    predictor = Predictor(find("demonstration-simulated-patients"), engine="torch")
    array = np.random.default_rng(0).uniform(-1, 1, predictor.checkpoint.recipe.patch).astype(np.float32)
    subject = subject_on(predictor, array)
    pool = RegressionActivationMap(predictor).explain(subject)
    fused = FusedActivationMap(predictor).explain(subject, (Measure.TLC,))[Measure.TLC]
    authors = LayerActivationMap(predictor).explain(subject, (Measure.TLC,))[Measure.TLC]
    assert len(pool) == 4
    assert max(found.completeness_error for found in pool.values()) < 1e-4
    assert fused.completeness_error < 1e-4
    assert authors.completeness_error > 1e-2
    np.testing.assert_allclose(fused.bias, pool[Measure.TLC].bias)


def test_what_is_not_there_is_refused(toy: Toy) -> None:
    with pytest.raises(UsageError, match=r"stages.9.*pool, last-convolution, stem"):
        LayerActivationMap(toy.predictor, layer="stages.9").explain(toy.subject)
    with pytest.raises(UsageError, match="this model estimates DLCO, TLC"):
        RegressionActivationMap(toy.predictor).explain(toy.subject, (Measure.FVC,))
