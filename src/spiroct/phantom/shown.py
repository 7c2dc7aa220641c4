"""Which causes a simulated CT shows, how, and on which grid they can be resolved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """How the CT shows a cause.

    Parameters
    ----------
    how : str
        What is painted; what hides it, where the cause is not painted.
    coarsest_mm : float
        Coarsest isotropic grid on which it can still be resolved; 0 where the cause is not painted.
    """

    how: str
    coarsest_mm: float


# Coarsest grids: where plain measures of the image still read the cause (benchmarks/simulated_visibility.py: at 5 mm
# emphysema, airway size, ground glass and vasculopathy with R 0.82 to 0.98, though walls and small vessels are long
# lost there); for the others about the size of the structure itself, by the sampling theorem for its width or wall.
SHOWN: dict[str, Shown] = {
    "lung_size_z": Shown("volume of the lungs, given the breath", 5.0),
    "effort": Shown("diaphragm and heart against the rib cage, density of the parenchyma", 5.0),
    "ild_extent": Shown("voxels with ground glass, reticulation or honeycombing", 5.0),
    "ild_ground_glass": Shown("haze without walls", 5.0),
    "ild_reticulation": Shown("fine lines of 1 to 3 mm", 3.0),
    "ild_honeycombing": Shown("clustered cysts of 3 to 10 mm", 4.0),
    "ild_basal": Shown("place of the diseased voxels", 5.0),
    "emphysema": Shown("holes of air density", 5.0),
    "vasculopathy": Shown("pruned small vessels, wide central arteries", 5.0),
    "capillary_z": Shown("number of small vessels", 2.0),
    "airway_size_z": Shown("calibre of trachea and bronchi", 5.0),
    "airway_narrowing": Shown("narrow lumen and thick wall of bronchi", 1.5),
    "chest_wall_stiffness": Shown("thick, dense skin", 3.0),
    "muscle_weakness": Shown("thin, fatty muscle", 4.0),
    "tissue_z": Shown("mass of the lung: volume times density", 5.0),
    "fvc_z": Shown("not painted: residual volume is not seen at full inspiration", 0.0),
    "haemoglobin": Shown("density of blood in heart and great vessels; acts on the uncorrected DLCO only", 5.0),
}


def resolved(spacing_mm: float) -> tuple[str, ...]:
    """Name the causes that a grid of this spacing can resolve, in the table's order."""
    return tuple(name for name, shown in SHOWN.items() if 0 < spacing_mm <= shown.coarsest_mm)
