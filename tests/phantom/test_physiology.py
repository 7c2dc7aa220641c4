"""Functions of 5,000 simulated patients against the published table, and every cause's effect on its own."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from spiroct.evaluation.agreement import icc_a1
from spiroct.pft.measures import Measure
from spiroct.phantom.causes import EFFECTS, PATTERNS
from spiroct.phantom.density import expected_percentile
from spiroct.phantom.patient import PhantomPatient
from spiroct.phantom.physiology import (
    NOISE_CV,
    columns,
    draw_patient,
    lung_function,
    lung_functions,
    predicted,
    scan_state,
    scan_states,
    uncorrected_dlco,
)
from spiroct.types import Float64Array

DLCO, FEV1, FVC, TLC = Measure.DLCO, Measure.FEV1, Measure.FVC, Measure.TLC
# Jia 2023, Table 1: absolute mean and SD, %predicted mean and SD
PUBLISHED = {
    DLCO: (5.55, 1.92, 71.95, 20.10),
    FEV1: (2.62, 0.77, 89.32, 17.69),
    FVC: (3.32, 0.97, 90.58, 18.97),
    TLC: (4.91, 1.23, 85.62, 17.07),
}
Population = tuple[list[PhantomPatient], dict[Measure, Float64Array], dict[Measure, Float64Array]]


@pytest.fixture(scope="module", params=[0, 1])
def population(request: pytest.FixtureRequest) -> Population:
    """Return 5,000 patients, their measured function and their %predicted."""
    patients = [draw_patient(request.param, i) for i in range(5000)]
    measured = lung_functions(patients)[1]
    medians = predicted(patients)[0]
    return patients, measured, {m: 100 * measured[m] / medians[m] for m in Measure}


@pytest.mark.parametrize("measure", list(Measure))
def test_means_and_spreads_are_the_published_ones(population: Population, measure: Measure) -> None:
    patients, measured, percent = population
    mean, sd, percent_mean, percent_sd = PUBLISHED[measure]
    inside = np.array([p.age <= 80 for p in patients]) if measure is TLC else np.ones(5000, bool)
    assert measured[measure].mean() == pytest.approx(mean, rel=0.03)
    assert measured[measure].std(ddof=1) == pytest.approx(sd, rel=0.08)
    assert percent[measure][inside].mean() == pytest.approx(percent_mean, rel=0.03)
    assert percent[measure][inside].std(ddof=1) == pytest.approx(percent_sd, rel=0.08)


@pytest.mark.parametrize(("one", "other"), list(combinations(Measure, 2)))
def test_correlations_lie_in_the_published_range(population: Population, one: Measure, other: Measure) -> None:
    _, measured, percent = population
    assert 0.70 <= np.corrcoef(measured[one], measured[other])[0, 1] <= 0.96
    assert 0.40 <= np.corrcoef(percent[one], percent[other])[0, 1] <= 0.89


def test_prevalences_are_the_published_ones(population: Population) -> None:
    patients, _, _ = population
    assert np.mean([p.sex == "F" for p in patients]) == pytest.approx(0.814, abs=0.0005)
    assert np.mean([p.ild_extent > 0 for p in patients]) == pytest.approx(0.418, abs=0.02)
    assert np.mean([p.pah for p in patients]) == pytest.approx(0.278, abs=0.02)
    for subset, share in {"non-cutaneous": 12.7, "diffuse": 26.9, "limited": 57.9, "other": 2.5}.items():
        assert 100 * np.mean([p.subset == subset for p in patients]) == pytest.approx(share, abs=0.1)
    age = np.array([p.age for p in patients])
    assert age.mean() == pytest.approx(53.4, abs=1)
    assert age.std() == pytest.approx(14.6, abs=0.8)


def test_effort_is_as_the_design_asks(population: Population) -> None:
    effort = np.array([p.effort for p in population[0]])
    assert 0.85 <= effort.mean() <= 0.95
    assert 0.08 <= effort.std() <= 0.11


def test_density_tracks_function_as_published(population: Population) -> None:
    patients, measured, percent = population
    perc85 = expected_percentile(patients)
    # Ninaber 2015, Eur J Radiol 84:975
    assert np.corrcoef(perc85, percent[DLCO])[0, 1] == pytest.approx(-0.49, abs=0.06)
    assert np.corrcoef(perc85, percent[FVC])[0, 1] == pytest.approx(-0.64, abs=0.06)
    volume = scan_states(patients)["lung_volume_l"]
    for m in Measure:  # |R| > 0.246 is significant (p < 0.05) at n = 64
        assert np.corrcoef(volume, measured[m])[0, 1] > 0.3
        assert np.corrcoef(volume, percent[m])[0, 1] > 0.3


def _icc(design: Sequence[Float64Array], y: Float64Array) -> float:
    """Out-of-sample ICC of a log-linear regression: fitted on one half, judged on the other."""
    table = np.column_stack([np.ones(len(y)), *design])
    fit = np.arange(len(y)) % 2 == 0
    weights = np.linalg.lstsq(table[fit], np.log(y[fit]), rcond=None)[0]
    return icc_a1(y[~fit], np.exp(table[~fit] @ weights))


@pytest.mark.parametrize("measure", list(Measure))
def test_the_ct_holds_more_than_volume_and_density(population: Population, measure: Measure) -> None:
    patients, measured, _ = population
    t, state, y = columns(patients), scan_states(patients), measured[measure]
    volume, perc85 = np.log(state["lung_volume_l"]), expected_percentile(patients) / 100
    people = [t["male"], t["age"], t["age"] ** 2 / 1000, np.log(t["height_cm"])]
    causes = [t[n] for n in EFFECTS if n not in {"fvc_z", "airway_size_z", "capillary_z"}]
    causes += [t["ild_extent"] * t[n] for n in (*PATTERNS[:2], "ild_basal")] + [t["ild_extent"] ** 2]
    medians = predicted(patients)[0]
    # even when airway size and capillary bed are not seen
    best = _icc([np.log(medians[measure]), *people, np.log(state["lung_air_l"]), np.log(t["effort"]), *causes], y)
    assert _icc([volume], y) <= (0.92 if measure is TLC else 0.85) * best
    if measure is not TLC:
        assert _icc([volume, perc85, perc85**2, *people], y) <= 0.92 * best


AVERAGE = PhantomPatient(patient_id="P", seed=0, index=0, ild_extent=0.15, emphysema=0.05, smoker=True)
DOWN, SAME, UP = -1, 0, 1


@pytest.mark.parametrize(
    ("cause", "value", "dlco", "fev1", "fvc", "tlc", "volume", "density"),
    [
        ("ild_extent", 0.35, DOWN, DOWN, DOWN, DOWN, DOWN, UP),
        ("emphysema", 0.3, DOWN, DOWN, DOWN, UP, UP, DOWN),
        ("vasculopathy", 3.0, DOWN, SAME, SAME, SAME, SAME, SAME),
        ("chest_wall_stiffness", 3.0, DOWN, DOWN, DOWN, DOWN, DOWN, UP),
        ("muscle_weakness", 3.0, DOWN, DOWN, DOWN, DOWN, DOWN, UP),
        ("airway_narrowing", 2.0, SAME, DOWN, DOWN, SAME, SAME, SAME),
        ("airway_size_z", -2.0, SAME, DOWN, SAME, SAME, SAME, SAME),
        ("capillary_z", -2.0, DOWN, SAME, SAME, SAME, SAME, SAME),
        ("effort", 0.7, SAME, SAME, SAME, SAME, DOWN, UP),
        ("tissue_z", 2.0, SAME, SAME, SAME, SAME, UP, UP),
        ("oesophagus_width_mm", 40.0, SAME, SAME, SAME, SAME, SAME, SAME),
        ("haemoglobin", 9.0, SAME, SAME, SAME, SAME, SAME, SAME),
        ("kernel", "sharp", SAME, SAME, SAME, SAME, SAME, SAME),
        ("vessel_calibre_z", 2.0, SAME, SAME, SAME, SAME, SAME, SAME),
    ],
)
def test_one_cause_changes_what_it_should_and_nothing_else(
    cause: str, value: object, dlco: int, fev1: int, fvc: int, tlc: int, volume: int, density: int
) -> None:
    changed = AVERAGE.changed(**{cause: value})
    before, after = lung_function(AVERAGE)[0], lung_function(changed)[0]
    signs = {m: int(np.sign(after[m] - before[m])) for m in Measure}
    assert signs == {DLCO: dlco, FEV1: fev1, FVC: fvc, TLC: tlc}
    one, other = scan_state(AVERAGE), scan_state(changed)
    assert np.sign(other.lung_volume_l - one.lung_volume_l) == volume
    assert np.sign(other.mean_density_hu - one.mean_density_hu) == density


def test_restriction_does_not_lower_fev1_over_fvc() -> None:
    ratios = [(t := lung_function(AVERAGE.changed(ild_extent=x))[0])[FEV1] / t[FVC] for x in (0, 0.1, 0.3, 0.6)]
    assert (np.diff(ratios) >= 0).all()


def test_fibrosis_costs_more_than_ground_glass() -> None:
    glass, honey = (
        lung_function(AVERAGE.changed(ild_extent=0.3, **{p: 1}))[0] for p in ("ild_ground_glass", "ild_honeycombing")
    )
    assert all(honey[m] < glass[m] for m in (DLCO, FVC, TLC))


@pytest.mark.parametrize("effect", EFFECTS)
def test_without_an_effect_the_cause_is_shown_but_does_nothing(effect: str) -> None:
    value = 0.4 if effect in {"ild_extent", "emphysema"} else 3.0
    free, none = AVERAGE.changed(without=(effect,)), AVERAGE.changed(**{effect: 0})
    marked = free.changed(**{effect: value})
    assert lung_function(marked)[0] == lung_function(free)[0] == lung_function(none)[0]
    if effect == "ild_extent":  # still there to be seen
        assert scan_state(marked).mean_density_hu > scan_state(free).mean_density_hu + 50


def test_mass_balance_by_hand() -> None:
    state = scan_state(AVERAGE)
    assert state.lung_volume_l == pytest.approx(state.lung_air_l + state.lung_tissue_kg / 1.055, rel=1e-12)
    assert state.mean_density_hu == pytest.approx(-1000 + 1000 * state.lung_tissue_kg / state.lung_volume_l, rel=1e-12)
    assert state.lung_air_l == pytest.approx(lung_function(AVERAGE)[0][TLC] * AVERAGE.effort, rel=1e-12)


def test_measurement_noise_is_the_literatures() -> None:
    assert NOISE_CV[TLC] == 0.05
    for m, draw in ((DLCO, "noise_dlco"), (FEV1, "noise_fev1"), (FVC, "noise_fvc"), (TLC, "noise_tlc")):
        true, measured = lung_function(AVERAGE.changed(**{draw: 1.0}))
        assert measured[m] / true[m] == pytest.approx(1 + NOISE_CV[m], rel=1e-9)
        assert all(measured[o] == true[o] for o in Measure if o is not m)


def test_fev1_never_exceeds_fvc() -> None:
    odd = AVERAGE.changed(noise_fev1=5, noise_fvc=-5)
    measured = lung_function(odd)[1]
    assert measured[FEV1] < measured[FVC]


def test_the_healthy_lie_in_the_literatures_ranges() -> None:
    patients = [draw_patient(0, i, preset="healthy") for i in range(400)]
    state, perc85 = scan_states(patients), expected_percentile(patients)
    assert -880 < np.median(state["mean_density_hu"]) < -820
    assert -840 < np.median(perc85) < -770
    for low, high, values in (
        (-900, -820, state["mean_density_hu"]),
        (-865, -770, perc85),
        (0.55, 1.4, state["lung_tissue_kg"]),
        (3, 11, state["lung_volume_l"]),
    ):
        assert np.mean((values > low) & (values < high)) > 0.97
    true, medians = lung_functions(patients)[0], predicted(patients)[0]
    for m in Measure:
        assert 90 < np.mean(100 * true[m] / medians[m]) < 115


def test_fibrotic_density_reaches_the_published() -> None:
    perc85 = expected_percentile([draw_patient(0, i) for i in range(1000)])
    assert -560 < np.percentile(perc85, 97.5) < -380
    assert expected_percentile([AVERAGE], 0.15)[0] < expected_percentile([AVERAGE])[0]


def test_haemoglobin_acts_on_the_uncorrected_dlco_only() -> None:
    # 13.4 g/dL is the women's standard: (9.38 + 13.4) / (1.7 * 13.4) = 1.000
    assert uncorrected_dlco(AVERAGE.changed(haemoglobin=13.4), 6.0) == pytest.approx(6.0, rel=1e-3)
    assert uncorrected_dlco(AVERAGE.changed(sex="M", haemoglobin=14.6), 6.0) == pytest.approx(6.0, rel=1e-3)
    assert uncorrected_dlco(AVERAGE.changed(haemoglobin=9.0), 6.0) < 5.1


def test_many_at_once_are_as_one_by_one() -> None:
    patients = [draw_patient(2, i) for i in range(9)]
    true, measured = lung_functions(patients)
    for i, p in enumerate(patients):
        one_true, one_measured = lung_function(p)
        for m in Measure:
            assert true[m][i] == pytest.approx(one_true[m], rel=1e-13)
            assert measured[m][i] == pytest.approx(one_measured[m], rel=1e-13)


def test_the_very_old_have_a_function() -> None:
    true, _ = lung_function(AVERAGE.changed(age=84))
    assert all(np.isfinite(v) for v in true.values())
