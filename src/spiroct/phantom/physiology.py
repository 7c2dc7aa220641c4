"""From a simulated patient's causes to lung function, and to the gas and tissue in the lungs at the CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spiroct.pft.measures import Measure
from spiroct.pft.tables import lms
from spiroct.phantom.causes import EFFECTS, PATTERNS
from spiroct.phantom.draws import draw_patient
from spiroct.phantom.patient import PhantomPatient
from spiroct.types import Float64Array

__all__ = [
    "MODEL",
    "NOISE_CV",
    "FunctionModel",
    "ScanState",
    "columns",
    "draw_patient",
    "lung_function",
    "lung_functions",
    "predicted",
    "scan_state",
    "scan_states",
    "uncorrected_dlco",
]

Columns = dict[str, Float64Array]
Functions = dict[Measure, Float64Array]

# Between-session variability of the tests, coefficient of variation; from the literature, never tuned.
# - FVC, FEV1: week-to-week changes of 11 and 12 % are significant in healthy adults (Pellegrino 2005, Eur
#   Respir J 26:948, Table 12); a significant change is 1.96 * sqrt(2) = 2.77 within-subject SDs.
# - DLCO: week-to-week reproducibility (2.77 SD) is 16 % in health (Zavorsky 2017, Eur Respir J 49:1600962,
#   table of repeatability and reproducibility).
# - TLC: lung volumes more than one day apart vary by 5 to 10 % (Love 1980, Br J Ind Med 37:63); the lower
#   end, because plethysmographs have become better.
NOISE_CV = {Measure.DLCO: 0.16 / 2.77, Measure.FEV1: 0.12 / 2.77, Measure.FVC: 0.11 / 2.77, Measure.TLC: 0.05}

# The reference equations of Jia 2023: GLI-2012 (Caucasian), GLI-2017, GLI-2021.
_EQUATIONS = {
    Measure.DLCO: ("GLI2017", "TLCO", 90.0),
    Measure.FEV1: ("GLI2012", "FEV1", 95.0),
    Measure.FVC: ("GLI2012", "FVC", 95.0),
    Measure.TLC: ("GLI2021", "TLC", 80.0),
}
TISSUE_DENSITY = 1.055  # kg/L, lung tissue and blood (Hedlund 1983, as used in CT densitometry)
_MEAN_BASAL = 0.667


@dataclass(frozen=True)
class FunctionModel:
    """Coefficients of the structural model; all effects are additive on the logarithmic scale.

    Tuned by least squares to the published means, SDs and correlations of Jia 2023, with bounds that keep
    every effect on the side that physiology gives it.
    """

    size: float = 1.117  # healthy lung size, in units of the predicted TLC's coefficient of variation
    # TLC
    tlc: float = 0.003
    tlc_ild: float = 0.580
    tlc_wall: float = 0.100
    tlc_muscle: float = 0.035
    tlc_emphysema: float = 0.30
    # FVC: falls more than TLC where gas is trapped behind narrow airways, weak muscles or fibrosis
    fvc: float = 0.110
    fvc_z: float = 0.030
    fvc_ild: float = 0.882
    fvc_wall: float = 0.060
    fvc_muscle: float = 0.045
    fvc_emphysema: float = 0.30
    fvc_narrowing: float = 0.104
    fvc_of_tlc: float = 0.88  # FVC cannot exceed this share of TLC
    # FEV1 / FVC: rises with recoil in fibrosis, falls with large lungs (dysanapsis)
    ratio: float = -0.0045
    ratio_airways: float = 0.054
    ratio_narrowing: float = 0.050
    ratio_emphysema: float = 0.60
    ratio_ild: float = 0.450
    ratio_size: float = 0.158
    ratio_highest: float = 0.95
    # DLCO
    dlco: float = -0.112
    dlco_size: float = 1.149
    dlco_capillary: float = 0.124
    dlco_ild: float = 0.938
    dlco_vessels: float = 0.088
    dlco_emphysema: float = 0.96
    dlco_restriction: float = 0.6  # an extrapulmonary loss of volume costs less DLCO than volume
    dlco_male: float = 0.132  # men keep more of their predicted DLCO; GLI's spread alone is too narrow
    share_male: float = 0.186
    # Weight of ground glass, reticulation, honeycombing; fibrosis costs more function than ground glass
    volume_weights: tuple[float, float, float] = (0.7, 1.2, 1.8)
    gas_weights: tuple[float, float, float] = (0.6, 1.2, 2.0)
    mass_weights: tuple[float, float, float] = (1.7, 2.2, 1.7)
    volume_basal: float = 0.3  # the bases hold most volume and blood
    gas_basal: float = 0.4
    # Tissue and blood at the CT
    mass: float = 0.86  # kg at a predicted TLC of 5.7 L
    mass_allometry: float = 0.65
    mass_size: float = 0.7
    mass_z: float = 0.09
    mass_emphysema: float = 0.5


MODEL = FunctionModel()


@dataclass(frozen=True)
class ScanState:
    """What the lungs hold during the CT.

    Parameters
    ----------
    lung_air_l : float
        Gas, in litres: TLC times inspiratory effort.
    lung_tissue_kg : float
        Tissue and blood, vessels included.
    lung_volume_l : float
        Gas and tissue together: what a lung mask measures.
    mean_density_hu : float
        Mean density that follows from the two, before calibration error.
    """

    lung_air_l: float
    lung_tissue_kg: float
    lung_volume_l: float
    mean_density_hu: float


def columns(patients: Sequence[PhantomPatient]) -> Columns:
    """Lay the patients' numbers out as columns, one (n,) array a field; effects in ``without`` stay aside."""
    table: Columns = {
        name: np.array([float(getattr(p, name)) for p in patients])
        for name in (*_NUMBERS, *(f"noise_{m.value.lower()}" for m in Measure))
    }
    table["male"] = np.array([float(p.sex == "M") for p in patients])
    return table


_NUMBERS = tuple(
    dict.fromkeys(
        (
            *("age", "height_cm", "haemoglobin", "effort", "tissue_z", "lung_size_z"),
            *PATTERNS,
            "ild_basal",
            *EFFECTS,
        )
    )
)


def _acting(patients: Sequence[PhantomPatient]) -> Columns:
    """Columns as lung function feels them: causes in a patient's ``without`` are zero."""
    table = columns(patients)
    for name in EFFECTS:
        table[name] = table[name] * np.array([name not in p.without for p in patients])
    return table


def predicted(patients: Sequence[PhantomPatient]) -> tuple[Functions, Functions]:
    """Give median M and coefficient of variation S of each measure for these people.

    Ages above an equation's last table row take that row, so that the very old have a true function; whether
    a %predicted may be printed for them is the equations' business.
    """
    sex = np.array([p.sex for p in patients])
    age = np.array([p.age for p in patients])
    height = np.array([p.height_cm for p in patients])
    medians: Functions = {}
    spreads: Functions = {}
    for measure, (standard, name, oldest) in _EQUATIONS.items():
        ethnicity = "caucasian" if standard == "GLI2012" else None
        _, median, spread = lms(standard, name, sex, np.minimum(age, oldest), height, ethnicity)
        medians[measure], spreads[measure] = median, spread
    return medians, spreads


def _burden(table: Columns, weights: tuple[float, float, float], basal: float) -> Float64Array:
    """Extent of ILD weighted by pattern and place, as a fraction of the lung."""
    pattern = sum((w * table[n] for w, n in zip(weights, PATTERNS, strict=True)), np.zeros_like(table["ild_extent"]))
    burden: Float64Array = table["ild_extent"] * pattern * (1 + basal * (table["ild_basal"] - _MEAN_BASAL))
    return burden


def _true(table: Columns, medians: Functions, spreads: Functions, model: FunctionModel) -> Functions:
    size = model.size * spreads[Measure.TLC] * table["lung_size_z"]
    ild = _burden(table, model.volume_weights, model.volume_basal)
    ild_gas = _burden(table, model.gas_weights, model.gas_basal)
    wall, muscle = table["chest_wall_stiffness"], table["muscle_weakness"]
    emphysema, narrowing = table["emphysema"], table["airway_narrowing"]
    outside = model.tlc_wall * wall + model.tlc_muscle * muscle
    tlc = medians[Measure.TLC] * np.exp(
        model.tlc + size - model.tlc_ild * ild - outside + model.tlc_emphysema * emphysema
    )
    fvc = medians[Measure.FVC] * np.exp(
        model.fvc
        + size
        + model.fvc_z * table["fvc_z"]
        - model.fvc_ild * ild
        - model.fvc_wall * wall
        - model.fvc_muscle * muscle
        - model.fvc_emphysema * emphysema
        - model.fvc_narrowing * narrowing
    )
    fvc = np.minimum(fvc, model.fvc_of_tlc * tlc)
    ratio = (medians[Measure.FEV1] / medians[Measure.FVC]) * np.exp(
        model.ratio
        + model.ratio_airways * table["airway_size_z"]
        - model.ratio_narrowing * narrowing
        - model.ratio_emphysema * emphysema
        + model.ratio_ild * ild
        - model.ratio_size * size
    )
    dlco = medians[Measure.DLCO] * np.exp(
        model.dlco
        + model.dlco_size * size
        + model.dlco_capillary * table["capillary_z"]
        - model.dlco_ild * ild_gas
        - model.dlco_vessels * table["vasculopathy"]
        - model.dlco_emphysema * emphysema
        - model.dlco_restriction * outside
        + model.dlco_male * (table["male"] - model.share_male)
    )
    fev1 = fvc * np.minimum(ratio, model.ratio_highest)
    return {Measure.DLCO: dlco, Measure.FEV1: fev1, Measure.FVC: fvc, Measure.TLC: tlc}


def lung_functions(patients: Sequence[PhantomPatient], *, model: FunctionModel = MODEL) -> tuple[Functions, Functions]:
    """Compute the lung function of many patients.

    Parameters
    ----------
    patients : sequence of PhantomPatient
    model : FunctionModel
        Coefficients of the structural model.

    Returns
    -------
    true, measured : dict of Measure to array (n,)
        Litres; DLCO in mmol/min/kPa, corrected for haemoglobin. Measured is true times one session's
        variability.
    """
    table = _acting(patients)
    true = _true(table, *predicted(patients), model)
    measured = {
        m: np.maximum(true[m] * (1 + NOISE_CV[m] * table[f"noise_{m.value.lower()}"]), 0.1 * true[m]) for m in Measure
    }
    # a forced expiration holds its own first second, whatever the noise
    measured[Measure.FEV1] = np.minimum(measured[Measure.FEV1], model.ratio_highest * measured[Measure.FVC])
    return true, measured


def lung_function(patient: PhantomPatient) -> tuple[dict[Measure, float], dict[Measure, float]]:
    """Compute the true and measured lung function of one patient (see :func:`lung_functions`)."""
    true, measured = lung_functions([patient])
    return {m: float(true[m][0]) for m in Measure}, {m: float(measured[m][0]) for m in Measure}


def scan_states(patients: Sequence[PhantomPatient], *, model: FunctionModel = MODEL) -> Columns:
    """Compute what the lungs hold during the CT: the fields of :class:`ScanState` as columns.

    Mass balance: density = mass / (mass / 1.055 + gas). A bigger breath lowers density everywhere, fibrosis
    adds mass and takes gas away, emphysema takes mass.
    """
    medians, spreads = predicted(patients)
    air = _true(_acting(patients), medians, spreads, model)[Measure.TLC]
    shown = columns(patients)
    air = air * shown["effort"]
    size = model.size * spreads[Measure.TLC] * shown["lung_size_z"]
    tissue = (
        model.mass
        * (medians[Measure.TLC] / 5.7) ** model.mass_allometry
        * np.exp(model.mass_size * size + model.mass_z * shown["tissue_z"])
        * (1 + _burden(shown, model.mass_weights, 0.0))
        * (1 - model.mass_emphysema * shown["emphysema"])
    )
    volume = air + tissue / TISSUE_DENSITY
    return {
        "lung_air_l": air,
        "lung_tissue_kg": tissue,
        "lung_volume_l": volume,
        "mean_density_hu": 1000.0 * (tissue / volume - 1.0),
    }


def scan_state(patient: PhantomPatient) -> ScanState:
    """Gas, tissue, volume and mean density of one patient's lungs during the CT."""
    return ScanState(**{name: float(column[0]) for name, column in scan_states([patient]).items()})


def uncorrected_dlco(patient: PhantomPatient, corrected: float) -> float:
    """Undo the haemoglobin correction of a DLCO (Cotes 1972, in Graham 2017, Eur Respir J 49:1600016).

    Parameters
    ----------
    patient : PhantomPatient
        Gives sex and haemoglobin in g/dL.
    corrected : float
        DLCO corrected to a standard haemoglobin (14.6 g/dL in men, 13.4 in women), mmol/min/kPa.

    Returns
    -------
    float
        In the same unit.
    """
    offset = 10.22 if patient.sex == "M" else 9.38
    return corrected * 1.7 * patient.haemoglobin / (offset + patient.haemoglobin)
