"""Interpretation: what a value means for this person, and what is said when it cannot be known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.errors import DemographicsError, UsageError
from spiroct.pft.demographics import Demographics
from spiroct.pft.measures import Measure
from spiroct.pft.reference import LIMIT_Z, equation_sets, interpret, interpret_ratio, percentile, z_score
from spiroct.pft.tables import lms

PERSON = Demographics(sex="F", age=53.4, height_cm=168.0)
people = st.builds(
    Demographics, sex=st.sampled_from(["F", "M"]), age=st.floats(18, 79.9), height_cm=st.floats(140, 205)
)


@given(people, st.sampled_from(list(Measure)))
def test_the_predicted_value_is_100_percent_and_the_limits_lie_at_their_z(
    person: Demographics, measure: Measure
) -> None:
    reference = interpret(measure, None, person)
    at_median = interpret(measure, reference.predicted, person)
    assert at_median.percent_predicted == pytest.approx(100.0)
    assert at_median.z_score == pytest.approx(0.0, abs=1e-9)
    assert interpret(measure, reference.lln, person).z_score == pytest.approx(-LIMIT_Z)
    assert interpret(measure, reference.uln, person).z_score == pytest.approx(LIMIT_Z)
    assert reference.lln < reference.predicted < reference.uln


@given(
    st.floats(-4, 4),
    st.one_of(st.just(0.0), st.floats(0.05, 2), st.floats(-2, -0.05)),
    st.floats(0.5, 10),
    st.floats(0.05, 0.2),
)
def test_percentile_and_z_score_are_inverses(z: float, L: float, M: float, S: float) -> None:
    if 1 + L * S * z > 0.01:
        assert z_score(percentile(z, L, M, S), L, M, S) == pytest.approx(z, abs=1e-5)


def test_lms_by_hand() -> None:
    """L = 1 is the plain normal distribution: z = (y - M) / (M S)."""
    assert z_score(4.0, 1.0, 5.0, 0.1) == pytest.approx(-2.0)
    assert percentile(-2.0, 1.0, 5.0, 0.1) == pytest.approx(4.0)


def test_dlco_in_either_unit_is_answered_by_its_own_equation() -> None:
    si = interpret(Measure.DLCO, 5.6, PERSON)
    traditional = interpret(Measure.DLCO, 5.6 * 2.98642, PERSON, unit="mL/min/mmHg")
    assert (si.unit, traditional.unit) == ("mmol/min/kPa", "mL/min/mmHg")
    assert traditional.percent_predicted == pytest.approx(si.percent_predicted, rel=5e-4)


def test_beyond_one_table_the_others_stand() -> None:
    old = Demographics(sex="M", age=83.0, height_cm=170.0)
    tlc = interpret(Measure.TLC, 5.0, old)
    assert tlc.value == 5.0
    assert tlc.percent_predicted is tlc.z_score is tlc.lln is None
    assert "5 to 80 years" in tlc.reason
    assert interpret(Measure.FVC, 3.0, old).percent_predicted > 0


@pytest.mark.parametrize("missing", ["sex", "age", "height"])
def test_what_is_missing_is_named(missing: str) -> None:
    known = {"sex": "F", "age": 50.0, "height_cm": 165.0}
    known["height_cm" if missing == "height" else missing] = None
    found = interpret(Measure.FVC, 3.0, Demographics(**known))
    assert missing in found.reason
    assert found.percent_predicted is None


def test_gli_2012_needs_an_ethnicity_and_uses_it() -> None:
    with pytest.raises(DemographicsError, match="unknown is not 'other_mixed'"):
        interpret(Measure.FVC, 3.0, PERSON, equations="gli-2012")
    predicted = {
        group: interpret(Measure.FVC, None, Demographics("F", 53.4, 168.0, group), equations="gli-2012").predicted
        for group in ("caucasian", "african_american", "se_asian")
    }
    assert predicted["caucasian"] > predicted["african_american"]
    assert len(set(predicted.values())) == 3
    # DLCO and TLC have no such groups.
    assert interpret(Measure.TLC, 4.9, PERSON, equations="gli-2012").percent_predicted > 0


def test_unknown_sets_are_refused_and_the_known_listed() -> None:
    with pytest.raises(UsageError) as refusal:
        interpret(Measure.FVC, 3.0, PERSON, equations="ecsc")
    assert all(name in str(refusal.value) for name in equation_sets())


def test_the_ratio_has_its_own_equation() -> None:
    ratio = interpret_ratio(0.62, PERSON)
    assert ratio.unit == "fraction"
    L, M, S = lms("GLI2022", "FEV1FVC", "F", 53.4, 168.0)
    assert ratio.predicted == pytest.approx(float(M))
    assert ratio.lln == pytest.approx(float(M * (1 - LIMIT_Z * L * S) ** (1 / L)))
    assert ratio.z_score < -LIMIT_Z
