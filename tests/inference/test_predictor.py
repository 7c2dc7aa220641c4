"""The predictor against the network itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spiroct.checkpoints.catalogue import find
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.errors import UsageError
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.inference.engines.engine import make_engine
from spiroct.inference.predictor import Predictor
from spiroct.networks.build import network_of
from spiroct.pft.measures import Measure


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return find("demonstration-simulated-patients")


@pytest.fixture(scope="module")
def scan() -> tuple[CTVolume, LabelMap]:
    rng = np.random.default_rng(0)
    hu = np.full((60, 70, 80), 40.0, np.float32)
    labels = np.zeros(hu.shape, np.uint8)
    labels[10:50, 15:55, 8:36], labels[10:50, 15:55, 44:72] = 1, 2
    hu[labels > 0] = -850
    hu += rng.normal(0, 20, hu.shape).astype(np.float32)
    geometry = Geometry(hu.shape, (5.0, 5.0, 5.0))
    return CTVolume(hu, geometry), LabelMap(labels, geometry)


def test_estimates_are_the_networks_outputs_in_units(checkpoint: Checkpoint, scan: tuple) -> None:
    predictor = Predictor(checkpoint)
    prepared = predictor.prepare(*scan)
    by_member = []
    for member in checkpoint.members:
        network = network_of(checkpoint.architecture, outputs=4)
        network.load_state_dict(
            {
                k: torch.from_numpy(v.astype(np.float32) if v.dtype == np.float16 else v)
                for k, v in member.weights.items()
            }
        )
        with torch.no_grad():
            outputs = network.eval()(torch.from_numpy(prepared.array[None])).double().numpy()[0]
        by_member.append(outputs * np.asarray(member.scaler.sd) + np.asarray(member.scaler.mean))
    expected = np.mean(by_member, axis=0)
    found = predictor.estimate(prepared).values
    assert list(found) == list(Measure)
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-6)


def test_the_same_scan_gives_the_same_bits(checkpoint: Checkpoint, scan: tuple) -> None:
    one, other = Predictor(checkpoint), Predictor(checkpoint, engine="openvino")
    assert one.estimate(one.prepare(*scan)).values == other.estimate(other.prepare(*scan)).values


def test_axis_order_does_not_matter(checkpoint: Checkpoint, scan: tuple) -> None:
    volume, lungs = scan
    direction = ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0))
    origin = tuple(float(v) for v in volume.geometry.point((59.0, 69.0, 0.0)))
    flipped = Geometry(volume.geometry.shape, volume.geometry.spacing, origin, direction)
    predictor = Predictor(checkpoint)
    turned = predictor.prepare(
        CTVolume(np.ascontiguousarray(volume.hu[::-1, ::-1]), flipped),
        LabelMap(np.ascontiguousarray(lungs.labels[::-1, ::-1]), flipped),
    )
    assert np.array_equal(turned.array, predictor.prepare(*scan).array)


def test_lungs_that_do_not_fit_are_told(checkpoint: Checkpoint, scan: tuple) -> None:
    predictor = Predictor(checkpoint)
    (fits,) = predictor.verdicts(predictor.prepare(*scan))
    assert fits.outcome == "pass"
    geometry = Geometry(scan[0].geometry.shape, (9.0, 9.0, 9.0))
    (cut,) = predictor.verdicts(predictor.prepare(CTVolume(scan[0].hu, geometry), LabelMap(scan[1].labels, geometry)))
    assert cut.outcome == "warn"
    assert "mm" in cut.meaning


def test_unknown_engines_and_networks_list_the_known(checkpoint: Checkpoint) -> None:
    with pytest.raises(UsageError, match="torch"):
        make_engine("abacus", checkpoint)
    with pytest.raises(UsageError, match="x3d"):
        network_of({"name": "resnet"}, outputs=4)
