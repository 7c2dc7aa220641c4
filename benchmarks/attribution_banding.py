"""Bands along z in RAM-3D (Jia 2023, Figure 9) with z stride 1, and what z stride 2 leaves of them.

Random networks are enough: the bands come from cells of one voxel along z beside 32 across. Prints one JSON document
and draws
``docs/images/attribution-banding.png``. ``python -m benchmarks.attribution_banding``, a minute.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from spiroct.attribution.cells import cell_centres, spread
from spiroct.attribution.ram import activation_map, linear_head
from spiroct.imaging.volume import CTVolume, Geometry
from spiroct.networks.build import network_of
from spiroct.phantom.physiology import draw_patient
from spiroct.phantom.render import render
from spiroct.preprocessing.network_input import prepare
from spiroct.preprocessing.recipe import InputRecipe
from spiroct.reporting.figures.rendering import PRINT_PIXELS_PER_INCH, blank_figure, figure_style

SPACING_MM, PATCH = 4.0, (80, 96, 96)
SEEDS = range(6)
SMOOTH_MM = 40.0
PICTURE = Path(__file__).resolve().parents[1] / "docs/images/attribution-banding.png"


def scan() -> np.ndarray:
    """Make the network's input of one simulated patient."""
    phantom = render(draw_patient(4242, 0), spacing=SPACING_MM)
    volume = CTVolume(phantom.hu.astype(np.float32), Geometry(phantom.hu.shape, phantom.spacing))
    recipe = InputRecipe(SPACING_MM, patch=PATCH)
    return prepare(volume.hu, volume.geometry.spacing, phantom.labels["lungs"], recipe).array


def ram(z_stride: int, seed: int, array: np.ndarray) -> np.ndarray:
    """RAM at the pool's input of a random X3D-XS, on the patch."""
    torch.manual_seed(seed)
    architecture = {"name": "x3d", "size": "XS", "z_stride": z_stride}
    network = network_of(architecture, outputs=1).train()  # normalised by the scan itself, as nothing was trained
    with torch.no_grad():
        features = network.features(torch.from_numpy(array)[None])[0].numpy()
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    weights, _ = linear_head(architecture, state, features)
    cells = activation_map(features, weights)
    centres = cell_centres(architecture, PATCH, cells.shape[1:])
    return spread(cells, centres, PATCH)[0]


def banding(values: np.ndarray) -> float:
    """Share of the map's variance that is gone after a Gaussian of 40 mm along z: fast change from slice to slice."""
    inner = values[5:-5]
    slow = ndimage.gaussian_filter1d(inner, SMOOTH_MM / 2.355 / SPACING_MM, axis=0)
    return float((inner - slow).var() / inner.var())


def main() -> None:
    """Measure and draw."""
    array = scan()
    maps = {stride: [ram(stride, seed, array) for seed in SEEDS] for stride in (1, 2)}
    shares = {stride: [banding(m) for m in of] for stride, of in maps.items()}
    print(json.dumps({f"z_stride_{s}": {"mean": float(np.mean(v)), "each": v} for s, v in shares.items()}, indent=2))
    with figure_style():
        figure = blank_figure(620, 300)
        figure.set_layout_engine("constrained")
        for axes, (stride, of) in zip(figure.subplots(1, 2), maps.items(), strict=True):
            axes.imshow(of[0][::-1, PATCH[1] // 2], cmap="viridis")
            axes.set(title=f"RAM, coronal, z stride {stride}", xticks=[], yticks=[])
        figure.savefig(PICTURE, dpi=PRINT_PIXELS_PER_INCH / 2, metadata={"Software": None})


if __name__ == "__main__":
    main()
