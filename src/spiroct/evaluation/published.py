"""What Jia 2023 printed: the numbers of its tables, to set beside one's own.

Jia 2023, IEEE Access 11:135272, doi 10.1109/ACCESS.2023.3337639. Other patients: a difference says that the protocols
behave alike or not, never that one network is more accurate. DLCO is in mmol/min/kPa (the paper's label mL/min/mmHg
does not fit its numbers), the other measures are in litres.
"""

from __future__ import annotations

from spiroct.pft.measures import Measure

DLCO, FEV1, FVC, TLC = Measure
SOURCE = "Jia 2023"
# Table 1: mean and SD of 316 patients.
COHORT = {DLCO: (5.55, 1.92), FEV1: (2.62, 0.77), FVC: (3.32, 0.97), TLC: (4.91, 1.23)}
COHORT_COUNTS = {"patients": (316, None), "female": (258, 81.4), "ild": (132, 41.8), "pah": (88, 27.8)}
COHORT_AGE = (53.4, 14.6)
COHORT_PERCENT = {DLCO: (71.95, 20.10), FEV1: (89.32, 17.69), FVC: (90.58, 18.97), TLC: (85.62, 17.07)}
COHORT_SUBSETS = {"non-cutaneous": (40, 12.7), "diffuse": (85, 26.9), "limited": (183, 57.9), "other": (8, 2.5)}
# Table 2: folds 1 to 4, then "All"; four-fold validation of 252 patients.
VALIDATION: dict[str, dict[Measure, dict[str, tuple[float, ...]]]] = {
    "scratch, 4 outputs": {
        DLCO: {
            "r": (0.72, 0.55, 0.57, 0.47, 0.54),
            "icc_a1": (0.64, 0.51, 0.40, 0.44, 0.48),
            "mae": (0.96, 1.27, 1.36, 1.21, 1.25),
            "mape": (20, 25, 26, 29, 26),
        },
        FEV1: {
            "r": (0.77, 0.54, 0.78, 0.63, 0.62),
            "icc_a1": (0.73, 0.52, 0.61, 0.52, 0.58),
            "mae": (0.39, 0.49, 0.39, 0.42, 0.46),
            "mape": (16, 22, 18, 15, 19),
        },
        FVC: {
            "r": (0.80, 0.59, 0.78, 0.71, 0.68),
            "icc_a1": (0.77, 0.59, 0.68, 0.60, 0.65),
            "mae": (0.45, 0.63, 0.45, 0.48, 0.56),
            "mape": (17, 24, 13, 15, 17),
        },
        TLC: {
            "r": (0.86, 0.68, 0.77, 0.76, 0.71),
            "icc_a1": (0.85, 0.64, 0.68, 0.69, 0.70),
            "mae": (0.50, 0.86, 0.63, 0.56, 0.70),
            "mape": (13, 20, 13, 14, 15),
        },
    },
    "transfer, 4 outputs": {
        DLCO: {
            "r": (0.77, 0.74, 0.73, 0.80, 0.71),
            "icc_a1": (0.76, 0.73, 0.68, 0.66, 0.71),
            "mae": (0.90, 1.00, 1.14, 0.99, 1.04),
            "mape": (19, 21, 23, 19, 22),
        },
        FEV1: {
            "r": (0.85, 0.74, 0.81, 0.75, 0.77),
            "icc_a1": (0.76, 0.74, 0.82, 0.72, 0.76),
            "mae": (0.41, 0.38, 0.38, 0.42, 0.41),
            "mape": (19, 16, 15, 20, 18),
        },
        FVC: {
            "r": (0.86, 0.82, 0.91, 0.81, 0.83),
            "icc_a1": (0.82, 0.81, 0.90, 0.71, 0.80),
            "mae": (0.44, 0.41, 0.38, 0.56, 0.49),
            "mape": (15, 15, 13, 20, 16),
        },
        TLC: {
            "r": (0.85, 0.85, 0.88, 0.68, 0.82),
            "icc_a1": (0.82, 0.85, 0.82, 0.67, 0.81),
            "mae": (0.60, 0.48, 0.71, 0.79, 0.63),
            "mape": (12, 10, 16, 17, 13),
        },
    },
    "transfer, 1 output": {
        DLCO: {
            "r": (0.68, 0.79, 0.75, 0.66, 0.71),
            "icc_a1": (0.67, 0.65, 0.73, 0.62, 0.70),
            "mae": (0.99, 0.93, 1.07, 1.10, 1.07),
            "mape": (22, 21, 22, 25, 23),
        },
        FEV1: {
            "r": (0.85, 0.70, 0.82, 0.75, 0.76),
            "icc_a1": (0.80, 0.70, 0.81, 0.74, 0.76),
            "mae": (0.32, 0.38, 0.32, 0.46, 0.38),
            "mape": (15, 17, 14, 22, 16),
        },
        FVC: {
            "r": (0.86, 0.80, 0.87, 0.77, 0.78),
            "icc_a1": (0.80, 0.77, 0.86, 0.67, 0.76),
            "mae": (0.39, 0.42, 0.42, 0.52, 0.51),
            "mape": (16, 13, 14, 19, 17),
        },
        TLC: {
            "r": (0.91, 0.89, 0.88, 0.87, 0.85),
            "icc_a1": (0.90, 0.84, 0.85, 0.79, 0.84),
            "mae": (0.43, 0.56, 0.50, 0.62, 0.55),
            "mape": (10, 12, 13, 16, 12),
        },
    },
}
# Table 3, pooled validation, %predicted: R, ICC, MAE, MAPE.
PERCENT_PREDICTED = {
    "direct": {
        DLCO: (0.32, 0.30, 17.30, 29), FEV1: (0.47, 0.47, 14.88, 18),
        FVC: (0.51, 0.50, 14.98, 18), TLC: (0.54, 0.53, 13.59, 17),
    },
    "indirect": {
        DLCO: (0.60, 0.60, 13.85, 22), FEV1: (0.65, 0.60, 14.79, 18),
        FVC: (0.74, 0.69, 13.76, 16), TLC: (0.76, 0.75, 11.04, 13),
    },
}  # fmt: skip
# Table 4, pooled validation: R and MAE of each measure, and the printed mean over the four.
INPUTS = {
    "whole CT": {"r": (0.71, 0.77, 0.83, 0.82, 0.78), "mae": (1.04, 0.41, 0.49, 0.63, 0.64)},
    "both lungs": {"r": (0.59, 0.62, 0.73, 0.78, 0.68), "mae": (1.19, 0.45, 0.49, 0.57, 0.68)},
    "left lung": {"r": (0.47, 0.58, 0.69, 0.68, 0.61), "mae": (1.29, 0.48, 0.56, 0.74, 0.77)},
    "right lung": {"r": (0.45, 0.59, 0.69, 0.69, 0.61), "mae": (1.31, 0.45, 0.52, 0.69, 0.74)},
    "vessels": {"r": (0.51, 0.53, 0.62, 0.66, 0.58), "mae": (1.28, 0.53, 0.58, 0.73, 0.78)},
    "binarised vessels": {"r": (0.57, 0.55, 0.64, 0.68, 0.61), "mae": (1.28, 0.52, 0.62, 0.76, 0.80)},
}
# Table 5, test set: criterion in percent, MAPE and its SD.
REPEATABILITY = {DLCO: (10, 20, 18), FEV1: (6, 19, 14), FVC: (5, 15, 12), TLC: (10, 13, 11)}
# Table 6, probably the test set: R with the network alone, then with each biomarker added.
STEPWISE = {
    DLCO: (("NetDLCO", 0.75), ("V_lung", 0.78), ("beta", 0.81)),
    FEV1: (("NetFEV1", 0.74), ("Perc85", 0.83)),
    FVC: (("NetFVC", 0.82), ("Perc85", 0.87), ("V_lung", 0.88)),
    TLC: (("NetTLC", 0.83), ("Perc85", 0.88), ("V_lung", 0.90)),
}
# Table 7: subjects, MAE of FEV1 and FVC, R of FEV1 and FVC; None where not reported.
OTHERS = {
    "Choi 2022, lung cancer, ResNet": (546, 0.33, 0.37, 0.73, 0.82),
    "Park 2023, risk of lung cancer, I3D": (16148, 0.22, 0.22, None, None),
    "Jia 2023, systemic sclerosis, X3D": (316, 0.41, 0.49, 0.77, 0.83),
}
