"""The figures of a study, numbered as the paper's: PNG and SVG, each drawn from the tables or a finished network."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch

from spiroct.attribution.method import in_scan, subject_of
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.cohort.table import read_cohort
from spiroct.imaging.label_files import read_label_map
from spiroct.imaging.reading import read_ct
from spiroct.inference.predictor import Predictor
from spiroct.networks.build import network_of
from spiroct.preprocessing.network_input import to_input
from spiroct.preprocessing.recipe import Region
from spiroct.reporting.evaluation_page import Illustration
from spiroct.reporting.figures.agreement import draw_bland_altman, draw_scatter
from spiroct.reporting.figures.attributions import Case, attribution_figure, best_median_worst
from spiroct.reporting.figures.bars import draw_correlations
from spiroct.reporting.figures.flow import flow_sheet
from spiroct.reporting.figures.inputs import Stage, inputs_sheet, network_sheet
from spiroct.reporting.figures.rendering import (
    PIXELS_PER_INCH,
    PRINT_PIXELS_PER_INCH,
    blank_figure,
    figure_style,
    write_figure,
)
from spiroct.reporting.figures.sheets import learning_sheet, measure_sheet, metric_sheet
from spiroct.segmentation.lungs import segment_lungs
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

    def add(self, name: str, figure: Figure, caption: str, *, dpi: int = PRINT_PIXELS_PER_INCH) -> None:
        """Write a figure as PNG and SVG."""
        _, svg = write_figure(figure, self.folder, name, dpi=dpi)
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


MAPPED = ("region-whole", "region-lungs", "region-left-lung", "region-right-lung", "region-outside-lungs")
"""Rows whose networks Figure 9 explains."""


def draw_maps(figures: FigureFolder, steps: Sequence[Step], patients: pd.DataFrame, folder: Path) -> None:
    """Draw Figure 9: where the networks of different regions take their estimates from, in one patient of the test.

    The patient is the one of median error of the whole CT's network, errors in SDs of the measurement and averaged over
    the measures.
    """
    found = [(name, step) for name in MAPPED if (step := step_of(steps, name, folder)) is not None]
    whole = patients.loc[(patients["model"] == "whole CT") & (patients["set"] == "test")]
    whole = whole.loc[(whole["fold"] == "ensemble") & (whole["quantity"] == "absolute")]
    if not found or whole["scan_id"].nunique() < 3:
        return
    sd = whole.groupby("measure")["measured"].transform("std")
    errors = (whole["estimated"] - whole["measured"]).abs() / sd
    by_scan = errors.groupby(whole["scan_id"], sort=False).mean()
    scan_id = str(by_scan.index[best_median_worst(by_scan.to_numpy())[1]])
    cohort = read_cohort(folder / "cohorts" / "patients.csv")
    image, mask = cohort.path(scan_id), cohort.path(scan_id, "lung_mask")
    assert image is not None  # noqa: S101 - it was trained on
    volume = read_ct(image)
    lungs = segment_lungs(volume) if mask is None else read_label_map(mask, onto=volume.geometry)
    cases = []
    for name, step in found:
        predictor = Predictor(Checkpoint.load(folder / step.name / "checkpoint"), engine="torch")
        subject = subject_of(predictor, volume, lungs=lungs)
        maps = RegressionActivationMap(predictor).explain(subject)
        label = next(row.label for row in step.rows if row.name == name)
        on_scan = {measure: in_scan(one, subject) for measure, one in maps.items()}
        cases.append(Case(label[:1].upper() + label[1:], volume, lungs, on_scan))
    caption = (
        f"Where the networks of different regions take their estimates of test patient {scan_id} from (RAM-3D at the "
        "input of the global average pool): the measure's colour raises the estimate, pink lowers it, each panel on "
        "its own scale. The patient is the one of median error of the whole CT's network."
    )
    figures.add("figure9", attribution_figure(cases, kinds=("coronal",)), caption, dpi=PIXELS_PER_INCH)


def draw_regions(figures: FigureFolder, metrics: pd.DataFrame, labels: Sequence[str]) -> None:
    """Draw Figure 8: R, ICC and MAE of the networks of different regions, pooled validation."""
    own = metrics.loc[metrics["headline"] & (metrics["set"] == "validation") & metrics["model"].isin(list(labels))]
    if own.empty:
        return
    names = {"r": "R", "icc_a1": "ICC", "mae": "MAE"}
    for letter, (metric, name) in zip("abc", names.items(), strict=True):
        caption = f"{name} of the networks of different regions with 95 % intervals, pooled validation."
        figures.add(f"figure8{letter}", metric_sheet(own, metric), caption)
