"""Whole figures: rows, columns and bars in their places, files that are the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from skimage.color import rgb2lab

from spiroct.evaluation.correlations import correlation_table
from spiroct.reporting.figures.agreement import draw_bland_altman, draw_scatter
from spiroct.reporting.figures.bars import draw_bars, draw_correlations
from spiroct.reporting.figures.learning import draw_learning
from spiroct.reporting.figures.measures import (
    INK,
    MEASURE_COLOURS,
    SERIES_COLOURS,
    axis_label,
    colour_of,
    fixed_limits,
    p_words,
)
from spiroct.reporting.figures.pairs import Pairs
from spiroct.reporting.figures.rendering import blank_figure, write_figure
from spiroct.reporting.figures.sheets import learning_sheet, measure_sheet, metric_sheet

UNITS = {"DLCO": "mmol/min/kPa", "FEV1": "L", "FVC": "L", "TLC": "L"}


def predictions(n: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for model, noise in (("scratch", 0.9), ("transfer", 0.3)):
        for measure in ("TLC", "DLCO", "FVC", "FEV1"):
            measured = np.random.default_rng(1).normal(4, 1, n)
            for i, (m, e) in enumerate(zip(measured, measured + rng.normal(0, noise, n), strict=True)):
                rows.append(
                    (f"p{i}", f"p{i}", model, measure, "absolute", UNITS[measure], m, e, np.nan, np.nan, np.nan)
                )
    columns = [
        "patient_id",
        "scan_id",
        "model",
        "measure",
        "quantity",
        "unit",
        "measured",
        "estimated",
        "lower",
        "upper",
    ]
    return pd.DataFrame(rows, columns=[*columns, "level"])


def metrics(metric: str) -> pd.DataFrame:
    models = ("whole_ct", "both_lungs", "left_lung", "vessels")
    rows = [
        (model, measure, "absolute", metric, 0.8 - 0.1 * k, 0.7 - 0.1 * k, 0.9 - 0.1 * k)
        for k, model in enumerate(models)
        for measure in ("TLC", "DLCO")
    ]
    return pd.DataFrame(rows, columns=["model", "measure", "quantity", "metric", "value", "lower", "upper"])


def test_a_row_a_model_and_a_column_a_measure_with_common_axes() -> None:
    figure = measure_sheet(predictions(), draw_bland_altman)
    first, second = (part.axes for part in figure.subfigs)
    assert [axes.get_xlabel() for axes in first] == [f"Mean {m} ({UNITS[m]})" for m in ("DLCO", "FEV1", "FVC", "TLC")]
    assert [part.get_suptitle() for part in figure.subfigs] == ["scratch", "transfer"]
    for above, below in zip(first, second, strict=True):
        assert above.get_xlim() == below.get_xlim()
        assert above.get_ylim() == below.get_ylim()


def test_fixed_axes_and_missing_measurements() -> None:
    table = predictions()
    table.loc[table["measure"] == "FVC", "measured"] = np.nan
    axes = measure_sheet(table.loc[table["model"] == "scratch"], draw_scatter, fixed=True).axes
    assert [a.get_xlim()[1] for a in (axes[0], axes[1], axes[3])] == [13.0, 6.0, 11.0]
    assert [t.get_text() for t in axes[2].texts] == ["0 patients: too few to draw"]


def test_a_sheet_needs_one_estimate_a_scan_and_its_quantity() -> None:
    with pytest.raises(ValueError, match="no rows of quantity percent_predicted"):
        measure_sheet(predictions(), draw_scatter, quantity="percent_predicted")
    twice = pd.concat([predictions(), predictions()])
    with pytest.raises(ValueError, match="several estimates of DLCO"):
        measure_sheet(twice, draw_scatter)
    mixed = predictions()
    mixed.loc[3, "unit"] = "mL"
    with pytest.raises(ValueError, match="TLC is given in L, mL"):
        Pairs.from_predictions(mixed.loc[mixed["model"] == "scratch"], "TLC")
    levels = predictions().assign(level=lambda t: np.where(t.index % 2, 0.9, 0.8))
    with pytest.raises(ValueError, match="several levels"):
        Pairs.from_predictions(levels.loc[levels["model"] == "scratch"], "TLC")


def test_bars_stand_at_their_values_in_the_colours_of_the_measures() -> None:
    (axes,) = metric_sheet(metrics("icc_a1"), "icc_a1").axes
    assert axes.get_ylabel() == "ICC"
    assert axes.get_ylim() == (0, 1)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["whole ct", "both lungs", "left lung", "vessels"]
    dlco, tlc = axes.containers
    for bars, measure in ((dlco, "DLCO"), (tlc, "TLC")):
        assert [bar.get_height() for bar in bars] == pytest.approx([0.8, 0.7, 0.6, 0.5])
        assert {bar.get_facecolor()[:3] for bar in bars} == {to_rgb(colour_of(measure))}
    spans = next(c for c in axes.collections if c.get_gid() == "TLC intervals").get_segments()
    np.testing.assert_allclose([s[:, 1] for s in spans], [(0.7 - 0.1 * k, 0.9 - 0.1 * k) for k in range(4)])
    np.testing.assert_allclose([s[0, 0] for s in spans], [b.get_x() + b.get_width() / 2 for b in tlc])


def test_a_metric_with_a_unit_gets_a_panel_a_measure() -> None:
    figure = metric_sheet(metrics("mae"), "mae")
    assert [axes.get_ylabel() for axes in figure.axes] == ["MAE DLCO (mmol/min/kPa)", "MAE TLC (L)"]
    assert metric_sheet(metrics("mape"), "mape").axes[0].get_ylabel() == "MAPE (%)"


def test_an_undefined_metric_is_said_and_never_a_bar_of_zero_alone() -> None:
    table = metrics("r")
    table.loc[2, ["value", "lower", "upper"]] = np.nan
    (axes,) = metric_sheet(table, "r").axes
    assert [t.get_text().strip() for t in axes.texts] == ["undefined"]
    with pytest.raises(ValueError, match="no rows of metric rmse"):
        metric_sheet(table, "rmse")
    with pytest.raises(ValueError, match="one row for each model and measure"):
        draw_bars(blank_figure(300, 200).subplots(), pd.concat([table, table]), label="R")


def test_correlations_write_every_cell_with_its_stars() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"V_lung": rng.normal(size=60), "same": 1.0})
    table["TLC"], table["DLCO"] = table["V_lung"] + rng.normal(size=60), -table["V_lung"] + 2.6 * rng.normal(size=60)
    found = correlation_table(table, ["V_lung", "same"], ["TLC", "DLCO"])
    axes = draw_correlations(blank_figure(300, 200).subplots(), found)
    words = [t.get_text() for t in axes.texts]
    r, p = found["r"], found["p"]
    assert p[0] < 0.001
    assert 0.01 <= p[1] < 0.05 or 0.001 <= p[1] < 0.01
    assert words[0] == f"{r[0]:.2f}"[1:] + "\n***"
    assert words[1] == f"{r[1]:.2f}".replace("-0", "\u2212") + ("\n*" if p[1] >= 0.01 else "\n**")
    assert words[2:] == ["\u2013", "\u2013"]
    assert axes.images[0].get_clim() == (-1, 1)
    with pytest.raises(ValueError, match="each pair once"):
        draw_correlations(axes, pd.concat([found, found]))


def history(fold: int | None = None) -> pd.DataFrame:
    epochs = np.arange(1, 11)
    table = pd.DataFrame({"epoch": epochs, "training": 1 / epochs, "validation": 0.2 + (epochs - 6) ** 2 / 50})
    return table if fold is None else table.assign(fold=fold)


def test_learning_marks_the_lowest_validation_loss_of_each_fold() -> None:
    axes = learning_sheet({"from scratch": pd.concat([history(1), history(2)]), "transfer": history()}).axes[0]
    best = [line for line in axes.lines if line.get_gid() == "best"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in best] == [(6, 0.2)] * 3
    assert [t.get_text() for t in axes.get_legend().get_texts()] == [
        "from scratch, training", "from scratch, validation", "transfer, training", "transfer, validation",
    ]  # fmt: skip
    assert [t.get_text() for t in axes.texts] == ["6"]  # of the one that has a single fold
    assert axes.get_ylim()[0] == 0


def test_learning_without_a_validation_draws_the_training_alone() -> None:
    table = history().assign(validation=np.nan)
    axes = draw_learning(blank_figure(300, 200).subplots(), {"run": table}, logarithmic=True)
    assert axes.get_yscale() == "log"
    assert not [line for line in axes.lines if line.get_gid() == "best"]
    axes.figure.canvas.draw()
    assert "1" in [t.get_text() for t in axes.get_yticklabels()]


def test_learning_refuses_what_it_cannot_show() -> None:
    axes = blank_figure(300, 200).subplots()
    with pytest.raises(ValueError, match="no column validation"):
        draw_learning(axes, {"run": history().drop(columns="validation")})
    for runs in ({}, {str(i): history() for i in range(4)}):
        with pytest.raises(ValueError, match=f"got {len(runs)}"):
            draw_learning(axes, runs)


@pytest.mark.parametrize("n", [30, 2500])
def test_files_are_the_same_every_time(tmp_path: Path, n: int) -> None:
    one = predictions(n).query("model == 'scratch' and measure == 'FVC'")
    written = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        png, svg = write_figure(measure_sheet(one, draw_bland_altman), folder, "bland-altman")
        assert (png.name, svg.name) == ("bland-altman.png", "bland-altman.svg")
        written.append((png.read_bytes(), svg.read_bytes()))
    assert written[0] == written[1]
    assert b"<dc:date>" not in written[0][1]
    assert b"Mean FVC (L)" in written[0][1]  # text stays text
    assert len(written[0][1]) < 400_000


def test_words_and_labels() -> None:
    assert [p_words(p) for p in (0.0002, 0.04, 0.5, float("nan"))] == [
        "p < 0.001", "p = 0.040", "p = 0.50", "p undefined",
    ]  # fmt: skip
    assert axis_label("Measured", "FVC", "%", "percent_predicted") == "Measured FVC (% predicted)"
    assert axis_label("Score", "", "") == "Score"
    assert fixed_limits("FVC", "percent_predicted") == (0.0, 160.0)
    assert fixed_limits("KCO") is None
    assert colour_of("KCO") == INK


# Machado, Oliveira and Fernandes 2009, IEEE Trans Vis Comput Graph 15:1291, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("colours", [tuple(MEASURE_COLOURS.values()), SERIES_COLOURS])
def test_colours_can_be_told_apart(vision: str, colours: tuple[str, ...]) -> None:
    rgb = np.array([to_rgb(c) for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ np.array(VISION[vision]).T
    seen = np.clip(linear, 0, 1)
    shown = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = rgb2lab(shown)
    apart = [float(np.linalg.norm(lab[i] - lab[j])) for i in range(len(lab)) for j in range(i)]
    assert min(apart) > 20
