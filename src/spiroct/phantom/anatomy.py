"""Size and build of one simulated body, from the patient's record: what every organ's place follows from.

Frame, in millimetres: x to the patient's left, y to the back, z to the head; z = 0 at the apex of the lungs, the
midline at x = 0. Shapes are written for a template body and stretched by three factors; ``depth`` is the
distance below the apex in the template.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiroct.phantom.patient import PhantomPatient
from spiroct.types import Float64Array

# Volume of the template's lungs with the diaphragm at its resting level (computed from the shape, litres).
TEMPLATE_LUNG_L = 3.75
NOMINAL_EFFORT = 0.9

# Depth (mm) against the middle of the thoracic vertebral bodies (mm behind the middle of the cage), template.
# Read off the sagittal plane of LIDC-IDRI-1011 (Armato 2011, doi 10.1118/1.3528204).
_SPINE_DEPTH = (-90.0, -60.0, -30.0, 0.0, 35.0, 70.0, 100.0, 140.0, 180.0, 220.0, 280.0, 360.0)
_SPINE_Y = (10.0, 20.0, 31.0, 45.0, 58.0, 66.0, 69.0, 70.0, 66.0, 59.0, 48.0, 42.0)


@dataclass(frozen=True)
class Anatomy:
    """Sizes that follow from a patient's record and do not depend on lung disease.

    Parameters
    ----------
    scale : tuple of float
        Stretch of the template along (z, y, x).
    muscle, fat_mm, skin_mm, breast_mm : float
        Factor on the muscles; thickness of subcutaneous fat, skin and breast, mm.
    gland : float
        Share of glandular tissue in the breast.
    fatty_muscle : float
        Share of fat within the muscles.
    bone : float
        Mineral of bone, 1 at age 30.
    calcification : float
        0 none to about 1: cartilage and aorta.
    heart : float
        Stretch of the heart.
    dilation : float
        Widening of the central pulmonary arteries.
    aorta_mm : float
        Radius of the ascending aorta.
    shear : tuple of float
        Small asymmetries: amplitudes of the outline's first harmonics.
    """

    scale: tuple[float, float, float]
    muscle: float
    fat_mm: float
    skin_mm: float
    breast_mm: float
    gland: float
    fatty_muscle: float
    bone: float
    calcification: float
    heart: float
    dilation: float
    aorta_mm: float
    shear: tuple[float, ...]
    bottom: float
    top: float

    @property
    def mean_scale(self) -> float:
        """Geometric mean of the three stretches."""
        return float(np.prod(self.scale) ** (1 / 3))

    def depth(self, z: Float64Array | float) -> Float64Array:
        """Template depth below the apex of a height z (mm)."""
        return np.asarray(z, dtype=np.float64) / -self.scale[0]

    def spine_y(self, z: Float64Array | float) -> Float64Array:
        """Middle of the vertebral bodies at a height z (mm behind the middle of the cage)."""
        return np.interp(self.depth(z), _SPINE_DEPTH, _SPINE_Y) * self.scale[1]


def build_anatomy(patient: PhantomPatient, nominal_volume_l: float) -> Anatomy:
    """Derive the sizes of a body from the patient's record.

    Parameters
    ----------
    patient : PhantomPatient
    nominal_volume_l : float
        Lung volume that this person would have without lung, wall or muscle disease after an ordinary breath:
        the thoracic cage is made for it, and the diaphragm takes up every difference.
    """
    size = (nominal_volume_l / TEMPLATE_LUNG_L) ** (1 / 3)
    tall = (patient.height_cm / 144.0) / size
    sz = size * tall**0.45 * np.exp(0.035 * patient.diaphragm_z)
    across = np.sqrt(size**3 / sz)
    narrow = np.exp(0.035 * patient.thorax_width_z - 0.035 * patient.thorax_depth_z)
    # women's cages are a little shorter from front to back for their width
    narrow *= 1.0 if patient.sex == "M" else 1.015
    scale = (float(sz), float(across / narrow), float(across * narrow))
    female = patient.sex == "F"
    old = patient.age - 40.0
    weak = min(patient.muscle_weakness, 5.0)
    fat = (4.0 + 1.0 * max(patient.bmi - 18.0, 0.0)) * (1.3 if female else 0.9)
    rng = np.random.default_rng((patient.anatomy_seed, 1))
    return Anatomy(
        scale=scale,
        muscle=(0.8 if female else 1.0)
        * float(np.exp(0.1 * patient.muscle_z))
        * (1 - 0.004 * max(old, -20.0))
        / (1 + 0.16 * weak)
        * (patient.bmi / 25.0) ** 0.25,
        fat_mm=max(fat * float(np.exp(0.2 * patient.fat_z)), 2.5),
        skin_mm=1.5 + 0.75 * min(patient.chest_wall_stiffness, 5.0),
        breast_mm=(9.0 + 1.3 * max(patient.bmi - 17.0, 0.0)) * float(np.exp(0.25 * patient.breast_z))
        if female
        else 0.0,
        gland=float(np.clip(0.75 - 0.011 * (patient.age - 20.0), 0.08, 0.8)),
        fatty_muscle=float(np.clip(0.05 + 0.003 * max(old, 0.0) + 0.045 * weak, 0.0, 0.4)),
        bone=float(np.clip(1.0 - 0.0068 * (patient.age - 30.0) * (1.2 if female else 0.9), 0.45, 1.1)),
        calcification=float(np.clip((patient.age - 42.0) / 45.0 + 0.16 * patient.calcification_z, 0.0, 1.2)),
        heart=size**0.4
        * (1.0 if not female else 0.95)
        * float(np.exp(0.05 * patient.heart_size_z))
        * (1 + 0.01 * old / 10)
        * (1 + 0.03 * min(patient.vasculopathy, 3.0)),
        dilation=1 + 0.16 * min(patient.vasculopathy, 3.5),
        aorta_mm=(14.0 if female else 15.5) * (1 + 0.004 * old) * size**0.3,
        shear=tuple(float(v) for v in rng.normal(0, 1, 8)),
        bottom=-(262.0 * sz + 14.0),
        top=24.0,
    )
