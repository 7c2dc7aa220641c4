"""InputRecipe: how a CT becomes a network's input, as plain data that a checkpoint carries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Region(StrEnum):
    """What of the scan the network sees; ``vessels-binary`` and ``lung-shape`` show a mask and no density."""

    WHOLE = "whole"
    LUNGS = "lungs"
    LEFT_LUNG = "left-lung"
    RIGHT_LUNG = "right-lung"
    VESSELS = "vessels"
    VESSELS_BINARY = "vessels-binary"
    OUTSIDE_LUNGS = "outside-lungs"
    LUNG_SHAPE = "lung-shape"

    @property
    def needs_vessels(self) -> bool:
        """Whether a vessel mask is needed."""
        return self in (Region.VESSELS, Region.VESSELS_BINARY)


class Crop(StrEnum):
    """Where the patch lies in the scan."""

    IMAGE_CENTRE = "image-centre"
    LUNG_CENTRE = "lung-centre"
    COVERING_LUNGS = "covering-lungs"


@dataclass(frozen=True)
class InputRecipe:
    """The way from CT to network input; the defaults are those of Jia 2023, section II.A.3.

    Parameters
    ----------
    spacing_mm : float
        Isotropic grid.
    window_hu : tuple of two floats
        Values are clipped to it and scaled linearly to [-1, 1] (the authors' code; the paper is silent).
    patch : tuple of 3 ints
        Voxels (z, y, x) of the input; smaller scans are padded with the window's lower end.
    crop : Crop
        Where the patch lies when predicting.
    training_crop : Crop
        Where it lies in training; ``covering-lungs`` draws a place that holds both lungs.
    region : Region
        Everything outside it is set to the window's lower end.
    """

    spacing_mm: float = 1.5
    window_hu: tuple[float, float] = (-1500.0, 1500.0)
    patch: tuple[int, int, int] = (240, 240, 240)
    crop: Crop = Crop.IMAGE_CENTRE
    training_crop: Crop = Crop.COVERING_LUNGS
    region: Region = Region.WHOLE

    def __post_init__(self) -> None:
        """Accept plain strings and lists, and refuse recipes that cannot be cooked."""
        object.__setattr__(self, "crop", Crop(self.crop))
        object.__setattr__(self, "training_crop", Crop(self.training_crop))
        object.__setattr__(self, "region", Region(self.region))
        object.__setattr__(self, "window_hu", tuple(float(v) for v in self.window_hu))
        object.__setattr__(self, "patch", tuple(int(v) for v in self.patch))
        if self.spacing_mm <= 0 or self.window_hu[0] >= self.window_hu[1]:
            raise ValueError(f"spacing {self.spacing_mm} and window {self.window_hu} must be positive and ascending")
        if len(self.patch) != 3 or min(self.patch) < 1:
            raise ValueError(f"patch {self.patch} must be three positive sizes (z, y, x)")

    def to_document(self) -> dict[str, Any]:
        """Plain data for the checkpoint's card."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> InputRecipe:
        """Read what :meth:`to_document` wrote."""
        return cls(**document)


PAPER = InputRecipe()
"""Jia 2023 to the letter: crop about the centre of the image."""

DEFAULT = InputRecipe(crop=Crop.LUNG_CENTRE)
"""As the paper, but predicting about the centre of the lungs, wherever they lie in the image."""
