"""The figures of a study, numbered as the paper's: PNG and SVG, each drawn from the tables or a finished network."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch

from spiroct.cohort.table import read_cohort
from spiroct.networks.build import network_of
from spiroct.preprocessing.network_input import to_input
from spiroct.preprocessing.recipe import Region
from spiroct.reporting.evaluation_page import Illustration
from spiroct.reporting.figures.agreement import draw_bland_altman, draw_scatter
from spiroct.reporting.figures.bars import draw_correlations
from spiroct.reporting.figures.flow import flow_sheet
from spiroct.reporting.figures.inputs import Stage, inputs_sheet, network_sheet
from spiroct.reporting.figures.rendering import blank_figure, figure_style, write_figure
from spiroct.reporting.figures.sheets import learning_sheet, measure_sheet, metric_sheet
from spiroct.studies.cohorts import FLOW
from spiroct.studies.collection import SCRATCH, TRANSFER, step_of
from spiroct.studies.inclusion import INCOMPLETE, INTERVAL, QUALITY
from spiroct.studies.scale import Scale
from spiroct.studies.steps import Step
from spiroct.training.recipe import TrainingRecipe
from spiroct.workflows.training_data import training_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TURN = 20  # degrees: long names below narrow cells


class FigureFolder:
    """Writes figures into a folder that exists, and keeps them for the page.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.drawn: dict[str, Illustration] = {}

    def add(self, name: str, figure: Figure, caption: str) -> None:
        """Write a figure as PNG and SVG."""
        _, svg = write_figure(figure, self.folder, name)
        self.drawn[name] = Illustration(name, caption, svg.read_bytes())


def draw_cohort(figures: FigureFolder, scale: Scale, folder: Path) -> None:
    """Draw Figures 1 to 3: the flow of patients, what the networks see of one of them, and the network's stages."""
    flow = json.loads((folder / "cohorts" / FLOW).read_text(encoding="utf-8"))
    excluded = {rule: flow[rule] for rule in (INTERVAL, INCOMPLETE, QUALITY)}
    parts = {"cross-validation": flow["training"], "test": flow["test"]}
    figures.add("figure1", flow_sheet(flow["selected"], excluded, parts), "Patients selected, left out and used.")
    cohort = read_cohort(folder / "cohorts" / "patients.csv")
    one = cohort.with_table(cohort.table.iloc[:1].reset_index(drop=True))
    recipe = dataclasses.replace(scale.input, region=Region.VESSELS)
    scan = training_data(one, recipe).scans[0]
    seen = {
        region.value.replace("-", " "): to_input(scan, dataclasses.replace(recipe, region=region)).array[0]
        for region in Region
    }
    caption = f"What the networks of different regions see of one patient, coronal, {recipe.spacing_mm:g} mm voxels."
    figures.add("figure2", inputs_sheet(seen), caption)


def draw_network(figures: FigureFolder, training: TrainingRecipe) -> None:
    """Draw Figure 3: the stages of a network as it ran."""
    name = training.network["name"]
    told = {key: value for key, value in training.network.items() if key != "name"}
    stages = stages_of(training)
    caption = f"The network of this study: {name} with {', '.join(f'{k} {v}' for k, v in told.items())}."
    figures.add("figure3", network_sheet(name, stages), caption)


def stages_of(training: TrainingRecipe) -> list[Stage]:
    """Run a network once on an empty input and note what each of its main parts puts out."""
    network = network_of(training.architecture, outputs=len(training.measures)).eval()
    stages: list[Stage] = []
    parts: list[tuple[str, torch.nn.Module]] = []
    for name, module in network.named_children():
        nested = isinstance(module, torch.nn.ModuleList) or (
            isinstance(module, torch.nn.Sequential) and len(module) > 1
        )
        parts += [(f"{name}.{k}", child) for k, child in module.named_children()] if nested else [(name, module)]

    def note(name: str) -> object:
        def hook(module: torch.nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, torch.Tensor):
                count = sum(p.numel() for p in module.parameters())
                stages.append(Stage(name, type(module).__name__, tuple(output.shape[1:]), count))

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in parts]  # type: ignore[arg-type]
    with torch.inference_mode():
        network(torch.zeros(1, 1, *training.input.patch))
    for hook in hooks:
        hook.remove()
    return stages


def draw_correlation_panels(figures: FigureFolder, found: Mapping[str, pd.DataFrame], n: int) -> None:
    """Draw Figure 4: measures with measures, %predicted with %predicted, biomarkers with both."""
    with figure_style():
        figure = blank_figure(1080, 380)
        figure.set_layout_engine("constrained")
        panels = figure.subplots(1, 3, width_ratios=(1, 1, 2))
        for axes, (letter, table) in zip(panels, found.items(), strict=True):
            draw_correlations(axes, table)
            axes.set_title(letter, loc="left", fontsize=10, fontweight="bold")
            axes.tick_params(axis="x", labelrotation=_TURN)
    caption = (
        f"Pearson correlations of (A) absolute PFTs, (B) %predicted and (C) biomarkers with both, {n} test scans; "
        "* p < 0.05, ** p < 0.01, *** p < 0.001, uncorrected."
    )
    figures.add("figure4", figure, caption)


def draw_transfer(figures: FigureFolder, steps: Sequence[Step], patients: pd.DataFrame, folder: Path) -> None:
    """Draw Figures 5 to 7: learning curves, scatter and Bland-Altman plots, with and without transfer."""
    found = {name: step_of(steps, name, folder) for name in (SCRATCH, TRANSFER)}
    labels, curves = [], {}
    for name, step in found.items():
        if step is not None:
            label = next(row.label for row in step.rows if row.name == name)
            labels.append(label)
            curves[label] = pd.read_csv(folder / step.name / "history.csv")
    if not curves:
        return
    figures.add("figure5", learning_sheet(curves), "Training (dashed) and validation loss of every fold.")
    chosen = (patients["set"] == "validation") & patients["model"].isin(labels) & (patients["quantity"] == "absolute")
    rows = patients.loc[chosen]
    text = "Estimated against measured, pooled validation: identity dotted, regression line with its band."
    figures.add("figure6", measure_sheet(rows, draw_scatter), text)
    text = "Difference against mean, pooled validation: bias and limits of agreement."
    figures.add("figure7", measure_sheet(rows, draw_bland_altman), text)


def draw_regions(figures: FigureFolder, metrics: pd.DataFrame, labels: Sequence[str]) -> None:
    """Draw Figure 8: R, ICC and MAE of the networks of different regions, pooled validation."""
    own = metrics.loc[metrics["headline"] & (metrics["set"] == "validation") & metrics["model"].isin(list(labels))]
    if own.empty:
        return
    names = {"r": "R", "icc_a1": "ICC", "mae": "MAE"}
    for letter, (metric, name) in zip("abc", names.items(), strict=True):
        caption = f"{name} of the networks of different regions with 95 % intervals, pooled validation."
        figures.add(f"figure8{letter}", metric_sheet(own, metric), caption)
