"""Tissues of the simulated torso: their codes in the tissue map, their density and the label maps they make."""

from __future__ import annotations

from typing import Final

import numpy as np

from spiroct.types import UInt8Array

OUTSIDE: Final = 0
SKIN: Final = 1
FAT: Final = 2
MUSCLE: Final = 3
BONE: Final = 4
MARROW: Final = 5
CARTILAGE: Final = 6
GLAND: Final = 7
HEART: Final = 8
GREAT_VESSEL: Final = 9
AIRWAY_WALL: Final = 10
AIRWAY: Final = 11
OESOPHAGUS: Final = 12
OESOPHAGUS_AIR: Final = 13
LIVER: Final = 14
SPLEEN: Final = 15
STOMACH: Final = 16
GAS: Final = 17
DISC: Final = 18
NERVE: Final = 19
KIDNEY: Final = 20
DIAPHRAGM: Final = 21
TABLE: Final = 22
ABDOMINAL_FAT: Final = 23
CALCIFICATION: Final = 24
RIB: Final = 25

# Unenhanced CT at 120 kVp. Soft tissue, fat, bone: Schneider 1996, Phys Med Biol 41:111, Table 1 (fat -100, muscle
# 40 to 60, blood 45, marrow and cortical bone 250 to 1300); organs: usual unenhanced values (liver 58, spleen
# 48, kidney 32, cartilage 90).
HOUNSFIELD: Final[dict[int, float]] = {
    OUTSIDE: -1000.0,
    SKIN: 30.0,
    FAT: -102.0,
    MUSCLE: 52.0,
    BONE: 620.0,
    MARROW: 160.0,
    CARTILAGE: 95.0,
    GLAND: 25.0,
    HEART: 42.0,
    GREAT_VESSEL: 42.0,
    AIRWAY_WALL: 20.0,
    AIRWAY: -990.0,
    OESOPHAGUS: 36.0,
    OESOPHAGUS_AIR: -900.0,
    LIVER: 58.0,
    SPLEEN: 48.0,
    STOMACH: 28.0,
    GAS: -960.0,
    DISC: 75.0,
    NERVE: 28.0,
    KIDNEY: 32.0,
    DIAPHRAGM: 48.0,
    TABLE: -600.0,
    ABDOMINAL_FAT: -102.0,
    CALCIFICATION: 520.0,
    RIB: 620.0,
}

LABELS: Final[dict[str, tuple[int, ...]]] = {
    "bone": (BONE, MARROW, RIB),
    "ribs": (RIB,),
    "cartilage": (CARTILAGE,),
    "muscle": (MUSCLE, DIAPHRAGM),
    "fat": (FAT, ABDOMINAL_FAT),
    "skin": (SKIN,),
    "breast": (GLAND,),
    "heart": (HEART,),
    "great_vessels": (GREAT_VESSEL,),
    "oesophagus": (OESOPHAGUS, OESOPHAGUS_AIR),
    "liver": (LIVER,),
    "calcification": (CALCIFICATION,),
}


def label_map(tissue: UInt8Array, name: str) -> UInt8Array:
    """Give the voxels of one named structure as a map of zeros and ones."""
    table = np.zeros(256, dtype=np.uint8)
    table[list(LABELS[name])] = 1
    mapped: UInt8Array = table[tissue]
    return mapped
