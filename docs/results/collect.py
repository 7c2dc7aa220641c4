"""Collect a finished study for these pages: figures, tables and their record; no weights, no predictions.

Run as ``python docs/results/collect.py STUDY_FOLDER``.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

HERE = Path(__file__).resolve().parent
TABLES = (
    "findings", "discrepancies", "table1", "table2", "table3", "table4", "table5", "table6", "table6-validation",
    "table7", "baselines", "twin", "permuted", "external", "healthy", "costs", "contrasts", "checklist",
)  # fmt: skip
FIGURES = ("figure1", "figure2", "figure3", "figure4", "figure5", "figure6", "figure7", "figure8a", "figure8b",
           "figure8c", "figure9")  # fmt: skip
PRINTED = ("r", "icc_a1", "mae", "mae_sd", "mape", "mape_sd", "bias")
SCANS = ("figure2", "figure9")  # full of greys
WIDEST = 1400  # pixels
LONGEST = 40  # rows that a page shows; longer tables are in their CSV


def main(study: Path) -> None:
    """Copy what these pages show, and write ``tables.md``."""
    for name in ("tables", "figures"):
        shutil.rmtree(HERE / name, ignore_errors=True)
        (HERE / name).mkdir()
    record = json.loads((study / "run.json").read_text(encoding="utf-8"))
    record["facts"] = {k: v for k, v in record["facts"].items() if k not in ("host", "command")}
    (HERE / "run.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    scale = record["arguments"]["scale"]
    if scale == "tiny":
        raise SystemExit("a study at the scale tiny shows that the steps run, and nothing else: not for these pages")
    _pictures(study)
    head = (
        f"Scale `{scale}`, 316 simulated patients; [what they mean](index.md). Rows *Jia 2023* are published numbers, "
        "of other patients. Every table is in `docs/results/tables` as CSV, with its values in full precision."
    )
    parts = [f"# Tables of the study\n\n{head}"]
    for name in TABLES:
        for file in study.glob(f"tables/{name}*.csv"):
            if file.stem == name:
                shutil.copy(file, HERE / "tables")
            elif file.stem == f"{name}-values":
                values = pd.read_csv(file, dtype=str, keep_default_na=False)
                if "fold" in values:  # of some sixty metrics, those that the tables print
                    values = values.loc[values["metric"].isin(PRINTED)]
                values.to_csv(HERE / "tables" / file.name, index=False, lineterminator="\n")
        text = study / "tables" / f"{name}.md"
        if text.is_file():
            body = text.read_text(encoding="utf-8").strip()
            rows = [line for line in body.splitlines() if line.startswith("|")]
            if len(rows) > LONGEST:
                body = f"{body.splitlines()[0]}\n\n{len(rows) - 2} rows: `tables/{name}.csv`."
            parts.append(f"## {name}\n\n{body}")
    (HERE / "tables.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _pictures(study: Path) -> None:
    for name in FIGURES:
        for picture in study.glob(f"figures/{name}.png"):
            with Image.open(picture) as drawn:
                small = drawn.convert("RGB")
            small.thumbnail((WIDEST, 10 * WIDEST))
            if name not in SCANS:
                small = small.quantize(256)
            small.save(HERE / "figures" / picture.name, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
