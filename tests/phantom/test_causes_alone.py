"""One cause changed: the image and the function change as they should, and what has nothing to do with it stays."""

import numpy as np
import pytest

from spiroct.pft.measures import Measure
from spiroct.phantom.physiology import draw_patient, lung_function, scan_state
from spiroct.phantom.render import Phantom, render

SPACING = 4.0
ALL = set(Measure)
DLCO, FEV1, FVC = Measure.DLCO, Measure.FEV1, Measure.FVC
# What lung disease, breath and mediastinum leave as it is, voxel for voxel. The diaphragm and what lies on it or is
# pressed by it move, so that the lungs keep the volume that the function model gives them.
FRAME = {"bone", "ribs", "cartilage", "skin", "breast", "calcification", "body"}
CAGE = {"ribs", "cartilage", "calcification"}
EVERY = "every structure"

# cause: new value, structures that stay voxel for voxel, true functions that change
CAUSES: dict[str, tuple[object, set[str] | str, set[Measure]]] = {
    "ild_extent": (0.4, FRAME, ALL),
    "ild_ground_glass": (0.95, FRAME, ALL),
    "ild_basal": (0.1, FRAME, ALL),
    "ild_asymmetry": (0.5, FRAME, set()),
    "emphysema": (0.25, FRAME, ALL),
    "emphysema_upper": (0.1, FRAME | {"lungs", "lobes", "airways", "vessels", "heart", "liver", "muscle"}, set()),
    "vasculopathy": (3.0, FRAME, {DLCO}),
    "capillary_z": (-2.5, FRAME | {"lungs", "lobes", "airways", "ild", "emphysema", "heart", "muscle"}, {DLCO}),
    "vessel_calibre_z": (2.0, FRAME | {"lungs", "lobes", "ild", "emphysema", "heart", "muscle"}, set()),
    "airway_narrowing": (3.0, FRAME | {"heart", "muscle", "liver"}, {FEV1, FVC}),
    "airway_size_z": (2.0, FRAME, {FEV1}),
    "chest_wall_stiffness": (4.0, FRAME - {"skin", "body"}, ALL),
    "muscle_weakness": (4.0, CAGE, ALL),
    "effort": (0.6, FRAME, set()),
    "tissue_z": (2.0, FRAME, set()),
    "heart_size_z": (3.0, FRAME, set()),
    "oesophagus_width_mm": (36.0, FRAME, set()),
    "fat_z": (2.0, {"lungs", "lobes", "vessels", "bone", "ribs", "muscle", "heart", "ild"}, set()),
    "breast_z": (2.0, {"lungs", "lobes", "vessels", "bone", "ribs", "muscle", "heart", "ild"}, set()),
    "muscle_z": (2.0, CAGE | {"lungs", "lobes", "vessels", "heart", "ild"}, set()),
    "bmi": (35.0, CAGE, set()),
    "haemoglobin": (8.0, EVERY, set()),
    "calcification_z": (2.0, EVERY, set()),
    "noise_hu": (30.0, EVERY, set()),
}


@pytest.fixture(scope="module")
def before() -> tuple[object, Phantom]:
    patient = draw_patient(3, 1).changed(
        age=65, ild_extent=0.15, emphysema=0.05, vasculopathy=0.5, noise_hu=0.0, calibration_offset_hu=0.0
    )
    return patient, render(patient, spacing=SPACING)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_changes_the_image_and_leaves_what_is_not_its_own(before, cause):
    patient, seen = before
    value, stay, _ = CAUSES[cause]
    changed = patient.changed(**{cause: value})
    other = render(changed, spacing=SPACING)
    assert not np.array_equal(other.hu, seen.hu)
    for name in seen.labels if stay == EVERY else stay:
        np.testing.assert_array_equal(other.labels[name], seen.labels[name], err_msg=name)
    for phantom, record in ((seen, patient), (other, changed)):
        assert phantom.truth["lung_volume_l"] == pytest.approx(scan_state(record).lung_volume_l, rel=0.01)


@pytest.mark.parametrize("cause", [n for n, (_, stay, _) in CAUSES.items() if stay != EVERY and "skin" in stay])
def test_where_the_skin_stays_so_does_its_density(before, cause):
    patient, seen = before
    other = render(patient.changed(**{cause: CAUSES[cause][0]}), spacing=SPACING)
    skin = seen.labels["skin"] > 0
    np.testing.assert_array_equal(other.hu[skin], seen.hu[skin])


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_changes_the_functions_that_it_acts_on_and_no_other(before, cause):
    patient, _ = before
    value, _, acts_on = CAUSES[cause]
    was, now = (lung_function(p)[0] for p in (patient, patient.changed(**{cause: value})))
    assert {m for m in Measure if now[m] != was[m]} == acts_on


@pytest.mark.parametrize(("cause", "value"), [("smoker", True), ("pah", True), ("fvc_z", 2.0), ("noise_dlco", 2.0)])
def test_what_a_ct_cannot_show_it_does_not_show(before, cause, value):
    patient, seen = before
    value = not patient.pah if cause == "pah" else value
    other = render(patient.changed(**{cause: value}), spacing=SPACING)
    np.testing.assert_array_equal(other.hu, seen.hu)
