"""What networks of different inputs see of one scan, and the stages of a network (the paper's Figures 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from spiroct.reporting.figures.measures import INK, MUTED
from spiroct.reporting.figures.rendering import blank_figure, figure_style
from spiroct.types import Float32Array


def inputs_sheet(inputs: Mapping[str, Float32Array]) -> Figure:
    """Draw the middle coronal plane of several inputs (z, y, x) scaled to [-1, 1], head up, the right side at left."""
    with figure_style():
        columns = -(-len(inputs) // 2) if len(inputs) > 4 else len(inputs)
        figure = blank_figure(190 * columns, 190 * -(-len(inputs) // columns))
        figure.set_layout_engine("constrained")
        panels = figure.subplots(-(-len(inputs) // columns), columns, squeeze=False).ravel()
        for axes in panels:
            axes.axis("off")
        for axes, (name, volume) in zip(panels, inputs.items(), strict=False):
            axes.imshow(volume[:, volume.shape[1] // 2], cmap="gray", vmin=-1, vmax=1, origin="lower")
            axes.set_title(name, fontsize=9, color=INK)
    return figure


@dataclass(frozen=True)
class Stage:
    """A stage of a network.

    Parameters
    ----------
    name : str
    kind : str
        Class of the module.
    shape : tuple of int
        Of what it puts out, without the batch.
    parameters : int
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def network_sheet(title: str, stages: Sequence[Stage]) -> Figure:
    """Draw the stages of a network from the input down, each with its output and its parameters."""
    with figure_style():
        figure = blank_figure(560, 70 + 46 * len(stages))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 1), ylim=(len(stages) + 0.4, -1.1))
        axes.axis("off")
        axes.text(0.5, -0.75, title, ha="center", va="center", fontsize=10, color=INK, fontweight="bold")
        most = max(np.log1p([stage.parameters for stage in stages]).max(), 1.0)
        for y, stage in enumerate(stages):
            width = 0.25 + 0.3 * float(np.log1p(stage.parameters)) / most
            axes.barh(y, width, 0.66, left=0.5 - width / 2, color="#E3EDF6", edgecolor="#8A97A3", linewidth=0.9)
            axes.text(0.5, y, f"{stage.name} ({stage.kind})", ha="center", va="center", fontsize=8, color=INK)
            axes.text(0.98, y, " x ".join(map(str, stage.shape)), ha="right", va="center", fontsize=8, color=INK)
            axes.text(0.02, y, f"{stage.parameters:,}", ha="left", va="center", fontsize=8, color=MUTED)
        axes.text(0.02, -0.75, "parameters", ha="left", va="center", fontsize=8, color=MUTED)
        axes.text(0.98, -0.75, "output", ha="right", va="center", fontsize=8, color=MUTED)
    return figure
