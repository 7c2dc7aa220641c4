"""Classes of correlation and reliability, at the limits that section II.D of Jia 2023 prints."""

import pytest

from spiroct.evaluation.strength import correlation_strength, reliability_strength


@pytest.mark.parametrize(
    ("r", "name"),
    [(0.05, "negligible"), (0.1, "weak"), (-0.39, "weak"), (0.4, "moderate"), (0.69, "moderate"), (0.7, "strong"),
     (0.89, "strong"), (0.9, "very strong"), (-1.0, "very strong"), (float("nan"), "undefined")],
)  # fmt: skip
def test_correlation(r: float, name: str) -> None:
    assert correlation_strength(r) == name


@pytest.mark.parametrize(
    ("icc", "name"),
    [(-0.2, "poor"), (0.49, "poor"), (0.5, "moderate"), (0.74, "moderate"), (0.75, "good"), (0.9, "good"),
     (0.91, "excellent"), (float("nan"), "undefined")],
)  # fmt: skip
def test_reliability(icc: float, name: str) -> None:
    assert reliability_strength(icc) == name
