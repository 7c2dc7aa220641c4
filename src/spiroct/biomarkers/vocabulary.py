"""The one vocabulary of biomarkers: name, unit, definition and source of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """What a biomarker's name stands for.

    Parameters
    ----------
    unit : str
        Of its value.
    meaning : str
        What is measured, as one phrase.
    source : str
        Who defined it; ``"own choice"`` where spiroct did.
    """

    unit: str
    meaning: str
    source: str


_DENSITY = "percentile of HU over all voxels of the region, vessels included, HU not clipped"
_JIA = "Jia 2023, doi 10.1109/ACCESS.2023.3337639"
_ZHAI = "Zhai 2019, doi 10.1097/rti.0000000000000395"
_ESTEPAR = "Estepar 2013, AJRCCM 188:231"
_GOH = "Goh 2008, AJRCCM 177:1248"

VOLUMES = {
    "volume": Definition("L", "number of voxels times the volume of one", _JIA),
    "mass": Definition(
        "kg", "volume times (1 + mean density / 1000), HU read as density", "Coxson 1999, AJRCCM 159:851"
    ),
}
DENSITY = {
    "mean_density": Definition("HU", "mean HU over all voxels of the region", "Best 2003, Radiology 228:407"),
    "sd_density": Definition("HU", "standard deviation of HU", "own choice"),
    "skewness": Definition("1", "third standardised moment of HU", "Best 2003, Radiology 228:407"),
    "kurtosis": Definition("1", "fourth standardised moment of HU minus 3", "Best 2003, Radiology 228:407"),
    "perc10": Definition("HU", f"10th {_DENSITY}", "own choice"),
    "perc15": Definition("HU", f"15th {_DENSITY}", "Dirksen 1999, doi 10.1164/ajrccm.160.5.9812104"),
    "perc85": Definition("HU", f"85th {_DENSITY}", "Ninaber 2015, doi 10.1016/j.ejrad.2015.01.012"),
    "perc90": Definition("HU", f"90th {_DENSITY}", "own choice"),
    "perc95": Definition("HU", f"95th {_DENSITY}", "own choice"),
    "laa950": Definition("%", "share of voxels below -950 HU", "Gevenois 1996, doi 10.1164/ajrccm.154.1.8680679"),
    "laa910": Definition("%", "share of voxels below -910 HU", "Müller 1988, Chest 94:782"),
    "haa": Definition("%", "share of voxels from -600 to -250 HU", "Lederer 2009, AJRCCM 180:407"),
}
WITHOUT_VESSELS = {
    f"{name}_without_vessels": Definition("HU", f"{name} over the voxels outside vessels and airways", "own choice")
    for name in ("perc10", "perc15", "perc85", "mean_density")
}
VESSELS = {
    "vessel_volume": Definition("L", "volume of the vessel mask in the region", _JIA),
    "vessel_share": Definition("%", "vessel_volume over volume", "own choice"),
    "tbv": Definition("L", "total blood volume: the vessels that have a centre line", _ESTEPAR),
    "bv5": Definition("L", "volume of vessels with a cross-section below 5 mm2", _ESTEPAR),
    "bv10": Definition("L", "volume of vessels with a cross-section below 10 mm2", _ESTEPAR),
    "bv5_tbv": Definition("1", "bv5 over tbv", _ESTEPAR),
    "alpha": Definition("1/mm", "slope of ln(mm of centre line per mm of radius) against radius, 1 to 4 mm", _ZHAI),
    "beta": Definition("ln(mm/mm)", "intercept of the same line", _ZHAI),
    "small_vessel_count": Definition(
        "1/slice", "mean number of vessel sections below 5 mm2 in an axial slice; voxels of at most 1 mm",
        "Matsuoka 2010, AJRCCM 181:218",
    ),
}  # fmt: skip
ILD = {
    "ild_extent_density": Definition("%", "share of the lung whose 8 mm surroundings are dense", "own choice"),
    "ild_extent_texture": Definition(
        "%", "share of the lung whose 12 mm surroundings are dense or mixed", "own choice"
    ),
    "goh_extensive": Definition("1", "1 extensive, 0 limited disease, from ild_extent_texture and FVC", _GOH),
}

VOCABULARY: dict[str, Definition] = VOLUMES | DENSITY | WITHOUT_VESSELS | VESSELS | ILD
