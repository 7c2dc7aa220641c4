"""Draws: exact shares, and patient i of a cohort is the same in any cohort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiroct.errors import InputError, UsageError
from spiroct.phantom.draws import draw_patient
from spiroct.phantom.quota import Share, draw


@given(part=st.integers(0, 60), whole=st.integers(1, 60), n=st.integers(1, 200), seed=st.integers(0, 2**63 - 1))
def test_every_prefix_holds_the_share_to_within_one(part: int, whole: int, n: int, seed: int) -> None:
    share = Share(min(part, whole), whole)
    members = [draw(share, rank, (seed,)) for rank in range(n)]
    count = sum(p.member for p in members)
    assert abs(count - n * share.part / share.whole) < 1 + 1e-9
    assert [p.rank for p in members if p.member] == list(range(count))
    assert [p.rank for p in members if not p.member] == list(range(n - count))


def test_the_trait_falls_anywhere_in_its_stretch() -> None:
    places = [next(r for r in range(5) if draw(Share(1, 5), r, (seed,)).member) for seed in range(2000)]
    assert np.bincount(places, minlength=5) == pytest.approx(400, abs=4 * np.sqrt(2000 * 0.2 * 0.8))


def test_an_impossible_share_is_a_programmers_error() -> None:
    with pytest.raises(ValueError, match="3/2"):
        draw(Share(3, 2), 0, (1,))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_papers_cohort_has_the_papers_counts(seed: int) -> None:
    cohort = [draw_patient(seed, i) for i in range(316)]
    # Jia 2023, Table 1: 258 women; 40, 85, 183 and 8 patients of the subsets
    assert abs(sum(p.sex == "F" for p in cohort) - 257.5) <= 1
    for subset, count in {"non-cutaneous": 40, "diffuse": 85, "limited": 183, "other": 8}.items():
        assert abs(sum(p.subset == subset for p in cohort) - count) <= 2
    assert np.mean([p.ild_extent > 0 for p in cohort]) == pytest.approx(0.418, abs=0.02)
    assert np.mean([p.pah for p in cohort]) == pytest.approx(0.278, abs=0.02)


def test_sex_and_subset_are_independent() -> None:
    cohort = [draw_patient(0, i) for i in range(3000)]
    male = np.array([p.sex == "M" for p in cohort])
    limited = np.array([p.subset == "limited" for p in cohort])
    assert abs(np.corrcoef(male, limited)[0, 1]) < 4 / np.sqrt(3000)


def test_switches_leave_the_patient_as_it_was() -> None:
    plain = draw_patient(0, 7)
    assert draw_patient(0, 7, without=("emphysema",)).changed(without=()) == plain
    assert draw_patient(0, 7, variant=2).changed(variant=1) == plain
    assert draw_patient(0, 7) == plain
    assert draw_patient(1, 7) != plain


def test_site_b_is_another_hospital() -> None:
    a, b = ([draw_patient(0, i, site=s) for i in range(300)] for s in "AB")
    assert np.mean([p.age for p in b]) > np.mean([p.age for p in a]) + 3
    assert sum(p.sex == "M" for p in b) > sum(p.sex == "M" for p in a) + 20
    assert {p.kernel for p in a} == {"soft", "standard", "sharp"}
    assert "sharp" not in {p.kernel for p in b}
    assert np.mean([p.calibration_offset_hu for p in b]) > 4


def test_the_healthy_have_no_disease() -> None:
    for i in range(100):
        p = draw_patient(0, i, preset="healthy")
        disease = (p.ild_extent, p.emphysema, p.vasculopathy, p.chest_wall_stiffness, p.muscle_weakness)
        assert disease == (0, 0, 0, 0, 0)
        assert not p.pah
        assert p.subset == "none"
        assert p.effort > 0.8


def test_the_oesophagus_tracks_ild() -> None:
    cohort = [draw_patient(0, i) for i in range(1000)]
    r = np.corrcoef([p.oesophagus_width_mm for p in cohort], [p.ild_extent for p in cohort])[0, 1]
    assert r > 0.3


def test_refusals() -> None:
    with pytest.raises(UsageError, match=r"site 'C'.*sites are A, B"):
        draw_patient(0, 0, site="C")
    with pytest.raises(UsageError, match="effect 'age'"):
        draw_patient(0, 0, without=("age",))
    with pytest.raises(InputError, match="seed -1"):
        draw_patient(-1, 0)


def test_the_beginning_of_an_effects_name_is_enough_where_it_is_unmistakable() -> None:
    assert draw_patient(0, 1, without=("chest_wall", "ild")).without == ("chest_wall_stiffness", "ild_extent")
    assert draw_patient(0, 1, without=("chest_wall", "chest_wall_stiffness")).without == ("chest_wall_stiffness",)


@pytest.mark.parametrize("name", ["airway", "", "effort", "chestwall"])
def test_an_effect_that_is_none_or_several_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"effect '{name}'"):
        draw_patient(0, 1, without=(name,))
