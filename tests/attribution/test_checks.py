"""Checks of maps: scrambled networks, folds, and the verdicts on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spiroct.attribution.checks import fold_agreement, judge, likeness, scrambled, scrambled_likeness
from spiroct.attribution.methods import METHODS, make_method
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.attribution.regions import Anatomy
from spiroct.checkpoints.catalogue import find
from spiroct.errors import UsageError
from spiroct.pft.measures import Measure
from spiroct.quality.verdict import Outcome

from .conftest import Toy


def test_scrambling_keeps_every_tensors_values_and_nothing_else() -> None:
    checkpoint = find("demonstration-simulated-patients")
    shuffled = scrambled(checkpoint, seed=1)
    for before, after in zip(checkpoint.members, shuffled.members, strict=True):
        for name, weights in before.weights.items():
            np.testing.assert_array_equal(np.sort(weights, axis=None), np.sort(after.weights[name], axis=None))
            assert np.array_equal(weights, after.weights[name]) == (weights.ndim <= 1), name
    again = scrambled(checkpoint, seed=1)
    np.testing.assert_array_equal(again.members[0].weights["fc.weight"], shuffled.members[0].weights["fc.weight"])
    turned = replace(checkpoint.members[0], weights=dict(reversed(list(checkpoint.members[0].weights.items()))))
    other = scrambled(replace(checkpoint, members=(turned,)), seed=1)  # files give their weights in any order
    np.testing.assert_array_equal(other.members[0].weights["fc.weight"], shuffled.members[0].weights["fc.weight"])


def test_likeness_is_spearmans() -> None:
    values = np.arange(8.0).reshape(2, 2, 2)
    assert likeness(values, values**3) == pytest.approx(1)
    assert likeness(values, -values) == pytest.approx(-1)
    assert likeness(values, np.zeros_like(values)) == 0
    where = values < 4
    assert likeness(values, np.where(where, values, -99), where) == pytest.approx(1)


def test_the_toys_folds_agree_perfectly_and_scrambling_moves_the_map(toy: Toy) -> None:
    found = RegressionActivationMap(toy.predictor).explain(toy.subject)
    assert fold_agreement(found[Measure.DLCO]) == pytest.approx(1)
    # The toy has one weight in 27 that is not zero: scrambled, it reads another corner of every window.
    alike = scrambled_likeness(RegressionActivationMap, toy.predictor, toy.subject, list(found.values()), seed=2)
    assert len(alike) == 2
    assert all(abs(v) < 0.9 for v in alike)


def test_verdicts_say_what_was_found(toy: Toy) -> None:
    found = RegressionActivationMap(toy.predictor).explain(toy.subject)[Measure.DLCO]
    good = judge(found, agreement=0.8, alike=0.1, outside=3.0)
    assert [v.outcome for v in good] == [Outcome.PASS] * 4
    bad = {v.check: v for v in judge(found, agreement=0.2, alike=-0.8, outside=40.0)}
    assert bad["completeness"].outcome is Outcome.PASS
    assert {c for c, v in bad.items() if v.outcome is Outcome.WARN} == {
        "scrambled_network",
        "folds_agree",
        "in_the_body",
    }
    assert all(v.remedy for v in bad.values() if v.outcome is Outcome.WARN)
    alone = judge(found, agreement=None, alike=0.1, outside=3.0)[-1]
    assert (alone.check, alone.outcome, alone.value) == ("folds_agree", Outcome.WARN, None)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_by_name_makes_maps_of_the_patch(toy: Toy, name: str) -> None:
    half = np.zeros(toy.subject.patch, np.float32)
    half[4:] = 1
    shares = {"lungs": half, "left_lung": half, "muscle": 1 - half, "outside_body": half * 0}
    anatomy = Anatomy(shares, ("left_lung", "muscle", "outside_body"))
    found = make_method(name, anatomy=anatomy)(toy.predictor).explain(toy.subject, (Measure.DLCO,))[Measure.DLCO]
    assert found.method == name
    assert found.members.shape == (2, *toy.subject.patch)
    assert np.isfinite(found.members).all()


def test_unknown_methods_and_layers_are_refused() -> None:
    with pytest.raises(UsageError, match="the methods are ram"):
        make_method("gradcam")
    with pytest.raises(UsageError, match="only the method ram takes a layer"):
        make_method("ram-fused", layer="stem")
