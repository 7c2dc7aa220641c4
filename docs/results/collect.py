"""Collect a finished study for these pages: figures, tables and their record; no weights, no predictions.

Run as ``python docs/results/collect.py STUDY_FOLDER``.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLES = (
    "findings", "discrepancies", "table1", "table2", "table3", "table4", "table5", "table6", "table6-validation",
    "table7", "baselines", "twin", "permuted", "external", "healthy", "costs", "contrasts", "checklist",
)  # fmt: skip
FIGURES = ("figure1", "figure2", "figure3", "figure4", "figure5", "figure6", "figure7", "figure8a", "figure8b",
           "figure8c", "figure9")  # fmt: skip
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
    for name in FIGURES:
        for picture in study.glob(f"figures/{name}.png"):
            shutil.copy(picture, HERE / "figures")
    head = (
        f"Scale `{scale}`, 316 simulated patients; [what they mean](index.md). Rows *Jia 2023* are published numbers, "
        "of other patients. Every table is in `docs/results/tables` as CSV, with its values in full precision."
    )
    parts = [f"# Tables of the study\n\n{head}"]
    for name in TABLES:
        for file in study.glob(f"tables/{name}*.csv"):
            if file.stem in (name, f"{name}-values"):
                shutil.copy(file, HERE / "tables")
        text = study / "tables" / f"{name}.md"
        if text.is_file():
            body = text.read_text(encoding="utf-8").strip()
            rows = [line for line in body.splitlines() if line.startswith("|")]
            if len(rows) > LONGEST:
                body = f"{body.splitlines()[0]}\n\n{len(rows) - 2} rows: `tables/{name}.csv`."
            parts.append(f"## {name}\n\n{body}")
    (HERE / "tables.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
