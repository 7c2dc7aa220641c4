"""Who is drawn: demographics, disease and scanners of the simulated hospitals, as distributions."""

from __future__ import annotations

from dataclasses import dataclass, field

from spiroct.errors import UsageError
from spiroct.phantom.quota import Share


@dataclass(frozen=True)
class SubsetTraits:
    """What a subset of systemic sclerosis means for the organs.

    Parameters
    ----------
    ild : Share
        Share with interstitial lung disease on CT.
    extent : float
        Factor on the extent of that disease.
    wall, muscle : float
        Mean chest-wall stiffness and muscle weakness.
    """

    ild: Share
    extent: float
    wall: float
    muscle: float


@dataclass(frozen=True)
class Protocol:
    """One way a hospital scans, with its weight among its protocols."""

    weight: float
    kernel: str
    noise_hu: float
    slice_thickness_mm: float
    slice_spacing_mm: float
    spacing_mm: float
    padding_hu: float | None


@dataclass(frozen=True)
class Population:
    """Distributions from which the patients of one site and preset are drawn.

    Parameters
    ----------
    male : Share
        Share of men.
    age : tuple of float
        Mean, SD, lowest and highest of a truncated normal, years.
    height_f, height_m : tuple of float
        Mean and SD at age 53.4, cm.
    bmi : tuple of float
        Median (kg/m2) and coefficient of variation of a log-normal.
    smoker : Share
        Share that ever smoked.
    protocols : tuple of Protocol
        How the hospital scans.
    subsets : dict
        Share in per mille and traits of each subset; empty in health.
    pah_permille : tuple of int
        Pulmonary hypertension: base share, more in the limited subset, more with ILD; per mille.
    effort : tuple of float
        Mean and SD of the gas volume at the CT over TLC.
    calibration_hu : tuple of float
        Mean and SD of the offset of the HU scale.
    """

    male: Share
    age: tuple[float, float, float, float]
    height_f: tuple[float, float]
    height_m: tuple[float, float]
    bmi: tuple[float, float]
    smoker: Share
    protocols: tuple[Protocol, ...]
    subsets: dict[str, tuple[int, SubsetTraits]] = field(default_factory=dict)
    pah_permille: tuple[int, int, int] = (0, 0, 0)
    effort: tuple[float, float] = (0.88, 0.105)
    calibration_hu: tuple[float, float] = (0.0, 2.0)


# Shares of the subsets: Jia 2023, Table 1. ILD is more frequent in diffuse than in limited disease (Walker
# 2007, EUSTAR, doi 10.1136/ard.2006.062382: 53 and 35 %); here 41.8 % of all, as in Jia 2023. Wall and muscle
# are relative units, chosen.
_SUBSETS = {
    "limited": (579, SubsetTraits(Share(370, 1000), 0.85, 0.7, 0.9)),
    "diffuse": (269, SubsetTraits(Share(600, 1000), 1.25, 1.8, 1.5)),
    "non-cutaneous": (127, SubsetTraits(Share(270, 1000), 0.8, 0.3, 0.8)),
    "other": (25, SubsetTraits(Share(350, 1000), 1.0, 0.5, 1.0)),
}
# Site A scans as the paper did: FC86 (sharp), 0.5 mm slices every 0.3 mm, 0.64 mm pixels (Jia 2023, II-A); a
# minority with smoother kernels, as clinical archives hold.
_PROTOCOLS_A = (
    Protocol(0.70, "sharp", 55.0, 0.5, 0.3, 0.64, None),
    Protocol(0.20, "standard", 28.0, 1.0, 0.8, 0.68, -2048.0),
    Protocol(0.10, "soft", 18.0, 1.0, 0.8, 0.68, -2048.0),
)
_PROTOCOLS_B = (
    Protocol(0.60, "soft", 15.0, 1.25, 1.0, 0.78, -2000.0),
    Protocol(0.25, "soft", 12.0, 2.5, 2.5, 0.82, -2000.0),
    Protocol(0.15, "standard", 24.0, 1.0, 0.7, 0.74, -3024.0),
)
_PROTOCOLS_HEALTHY = (Protocol(1.0, "soft", 15.0, 1.0, 1.0, 0.70, None),)

_SSC_A = Population(
    male=Share(186, 1000),  # 81.4 % women: Jia 2023, Table 1
    age=(53.9, 16.6, 19.0, 84.0),  # truncated: 53.4 +- 14.3, printed 53.4 +- 14.6
    height_f=(165.74, 5.81),  # the paper prints none; these give its absolute volumes
    height_m=(177.68, 6.36),
    bmi=(24.6, 0.16),
    smoker=Share(40, 100),
    protocols=_PROTOCOLS_A,
    subsets=_SUBSETS,
    pah_permille=(205, 90, 50),  # 27.8 % in all, as the paper labels it
)
_SSC_B = Population(
    male=Share(30, 100),
    age=(59.0, 13.0, 22.0, 84.0),
    height_f=(160.5, 6.0),
    height_m=(173.0, 6.5),
    bmi=(26.8, 0.18),
    smoker=Share(48, 100),
    protocols=_PROTOCOLS_B,
    subsets=_SUBSETS | {"limited": (509, _SUBSETS["limited"][1]), "diffuse": (339, _SUBSETS["diffuse"][1])},
    pah_permille=(150, 60, 50),
    effort=(0.86, 0.105),
    calibration_hu=(6.0, 3.0),
)
# Coached full inspiration, supine: the middle of 0.85 to 0.95 of TLC, with little spread.
_HEALTHY_A = Population(
    male=Share(50, 100),
    age=(48.0, 16.0, 20.0, 80.0),
    height_f=(165.74, 5.81),
    height_m=(177.68, 6.36),
    bmi=(24.0, 0.13),
    smoker=Share(0, 1),
    protocols=_PROTOCOLS_HEALTHY,
    effort=(0.90, 0.025),
)
_HEALTHY_B = Population(
    male=Share(50, 100),
    age=(52.0, 15.0, 20.0, 80.0),
    height_f=(160.5, 6.0),
    height_m=(173.0, 6.5),
    bmi=(25.5, 0.14),
    smoker=Share(0, 1),
    protocols=_PROTOCOLS_B,
    effort=(0.90, 0.025),
    calibration_hu=(6.0, 3.0),
)
POPULATIONS = {
    ("A", "ssc"): _SSC_A,
    ("B", "ssc"): _SSC_B,
    ("A", "healthy"): _HEALTHY_A,
    ("B", "healthy"): _HEALTHY_B,
}


def population(site: str, preset: str) -> Population:
    """Find the population of a site and preset, or list the known ones.

    Raises
    ------
    UsageError
        If there is no such site or preset.
    """
    try:
        return POPULATIONS[site, preset]
    except KeyError:
        sites, presets = (sorted({key[i] for key in POPULATIONS}) for i in (0, 1))
        raise UsageError(
            f"site {site!r}, preset {preset!r}",
            f"sites are {', '.join(sites)} and presets {', '.join(presets)}",
            "use one of these",
        ) from None
