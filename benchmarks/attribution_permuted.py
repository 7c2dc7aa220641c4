"""Do maps show what a network learned? The maps of networks that were trained on other patients' lung function.

Run: ``python -m benchmarks.attribution_permuted TRAIN TEST OUT``, then with ``--record`` once it is finished.

TRAIN and TEST are cohorts of ``spiroct simulate cohort`` with two seeds. Recipe ``default`` is trained three times on
the same patients: on their own lung function; from the same first weights with everyone given another one's (Adebayo
2018, data randomisation); and on their own from other first weights. Every method's maps of held-out patients by the
first network are held against those by the other two: with the second they should have little in common, and more with
the third. No epoch is picked by its validation loss, which would stop the second network before it learned anything.
What is finished is kept in OUT, and an interrupted run goes on; ``--only`` trains one network or maps alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.attribution_maps import CHEAP, COSTLY

from spiroct.attribution import trial
from spiroct.attribution.checks import likeness
from spiroct.attribution.method import prepared_subject
from spiroct.attribution.pointing import advantage, rate
from spiroct.attribution.regions import anatomy_of_scan
from spiroct.checkpoints.checkpoint import Checkpoint, Member, half_precision
from spiroct.cohort.cohort import Cohort
from spiroct.cohort.table import read_cohort
from spiroct.documents import write_json
from spiroct.imaging.label_files import read_label_map
from spiroct.imaging.reading import read_ct
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.training.fit import fit_network
from spiroct.training.recipe import load_recipe
from spiroct.types import Float64Array
from spiroct.workflows.training_data import measured_targets, training_data

PATIENTS, MAPPED, SEED = 384, 64, 2018
NETWORKS = ("own", "permuted", "again")
ASKED = (Measure.DLCO, Measure.TLC)


def train(name: str, table: Path, out: Path) -> None:
    """Train one network on the first patients of a cohort, unless that is done, and keep it in ``OUT/NAME``."""
    folder = out / name
    if (folder / "checkpoint.json").is_file():
        return
    recipe = load_recipe("default")
    whole = read_cohort(table)
    cohort = Cohort(whole.table.iloc[:PATIENTS].reset_index(drop=True), whole.folder)
    data = training_data(cohort, recipe.input)
    targets = measured_targets(cohort, recipe.measures, recipe.fit.quantity)
    if name == "permuted":
        targets = permuted(targets)
    seed = SEED + (name == "again")
    (folder / "fit").mkdir(parents=True, exist_ok=True)
    rows = {"training": np.arange(len(targets)), "validation": np.arange(0)}
    found = fit_network(data.scans, targets, recipe, **rows, seed=seed, folder=folder / "fit")
    Checkpoint(
        name=f"randomisation-{name}",
        architecture=recipe.architecture,
        recipe=recipe.input,
        measures=recipe.measures,
        members=(Member(1, found.scaler, half_precision(found.state)),),
        training_domain=data.domain,
        trained_on=f"{len(targets)} simulated patients",
        intended_use="Checking attribution maps",
        demonstration_only=True,
        provenance={"seed": seed, "training_loss": [float(epoch["training"]) for epoch in found.history]},
        quantity=recipe.fit.quantity,
    ).save(folder)


def permuted(targets: Float64Array) -> Float64Array:
    """Give every patient (rows) another one's values, all measures together."""
    order = np.random.default_rng(SEED).permutation(len(targets))
    given = np.empty_like(targets)
    given[order] = targets[np.roll(order, 1)]
    return given


def compare(table: Path, out: Path) -> None:
    """Hold the maps of held-out patients by the three networks against each other; ``OUT/likeness.json``."""
    file = out / "likeness.json"
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    predictors = {name: Predictor(Checkpoint.load(out / name)) for name in NETWORKS}
    cohort = read_cohort(table)
    kinds = CHEAP | COSTLY
    known = {
        key: {name: kind(predictor, None) for name, predictor in predictors.items()}
        for key, kind in kinds.items()
        if key != "region-ablation"
    }
    done = {row["scan_id"] for row in rows}
    for scan_id in [s for s in cohort.scan_ids[:MAPPED] if s not in done]:
        image, mask = cohort.path(scan_id, "image"), cohort.path(scan_id, "lung_mask")
        assert image is not None and mask is not None  # noqa: S101, PT018 - simulated cohorts have both
        volume = read_ct(image)
        lungs = read_label_map(mask, onto=volume.geometry)
        prepared = predictors["own"].prepare(volume, lungs)
        subjects = {name: prepared_subject(p, prepared, volume.geometry) for name, p in predictors.items()}
        anatomy = anatomy_of_scan(volume, lungs, subjects["own"].geometry)
        body = anatomy.shares["outside_body"] < 0.5
        values = {m: float(cohort.values(m)[cohort.scan_ids.index(scan_id)]) for m in ASKED}
        for key, kind in kinds.items():
            methods = known.get(key) or {name: kind(p, anatomy) for name, p in predictors.items()}
            maps = {name: methods[name].explain(subject, ASKED) for name, subject in subjects.items()}
            rows += [
                {
                    "scan_id": scan_id,
                    "method": key,
                    "measure": measure.value,
                    "measured": values[measure],
                    **{name: subjects[name].estimates.values[measure] for name in NETWORKS},
                    **{
                        f"alike_{name}": likeness(maps["own"][measure].values, maps[name][measure].values, body)
                        for name in NETWORKS[1:]
                    },
                }
                for measure in ASKED
            ]
        file.write_text(json.dumps(rows), encoding="utf-8")
        print(scan_id, flush=True)


def summary(out: Path) -> dict[str, Any]:
    """Likeness by method and measure with 95 % bootstrap intervals over patients, and what the networks learned."""
    rows = json.loads((out / "likeness.json").read_text(encoding="utf-8"))
    alike: dict[str, Any] = {}
    for measure in ASKED:
        for method in dict.fromkeys(row["method"] for row in rows):
            own = [row for row in rows if (row["method"], row["measure"]) == (method, measure.value)]
            other, same = (np.array([row[f"alike_{name}"] for row in own]) for name in NETWORKS[1:])
            alike.setdefault(method, {})[measure.value] = {
                "n": len(own),
                "permuted": asdict(rate(other, seed=SEED)),
                "again": asdict(rate(same, seed=SEED)),
                "advantage": asdict(advantage(same, other, seed=SEED)),
            }
    learned: dict[str, Any] = {}
    for name in NETWORKS:
        losses = Checkpoint.load(out / name).provenance["training_loss"]
        learned[name] = {"training_loss": [losses[0], losses[-1]]}
        for measure in ASKED:
            first = [row for row in rows if (row["method"], row["measure"]) == (rows[0]["method"], measure.value)]
            pairs = np.array([[row["measured"], row[name]] for row in first])
            learned[name][measure.value] = float(np.corrcoef(pairs.T)[0, 1])
    return {"alike": alike, "learned": learned}


def markdown(document: Mapping[str, Any]) -> str:
    """Lay the summary out as the table of docs/concepts/explanations.md."""
    lines = ["| map | " + " | ".join(f"{m}: permuted | {m}: own again" for m in ASKED) + " |", "|---" * 5 + "|"]
    for method, of in document["alike"].items():
        cells = [_shown(of[m.value][name]) for m in ASKED for name in ("permuted", "again")]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    lines += ["", json.dumps(document["learned"])]
    return "\n".join(lines)


def record(out: Path) -> dict[str, Any]:
    """Make what the package carries: by kind of network, then method, the likeness of the less favourable measure."""
    found: dict[str, Any] = {}
    for method, of in summary(out)["alike"].items():
        alike = max((of[m.value]["permuted"] for m in ASKED), key=lambda a: max(abs(a["lower"]), abs(a["upper"])))
        found[method] = {k: alike[k] if k == "n" else round(alike[k], 4) for k in ("n", "value", "lower", "upper")}
    return {trial.training_hash(Checkpoint.load(out / "own")): found}


def _shown(found: Mapping[str, float]) -> str:
    return f"{found['value']:.2f} ({found['lower']:.2f} to {found['upper']:.2f})"


def main() -> None:
    """Train, compare and print; or join a finished run into the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=(*NETWORKS, "maps"))
    parser.add_argument("--record", action="store_true", help="write the package's record of a finished run")
    words = parser.parse_args()
    if words.record:
        write_json(Path(trial.__file__).with_name(trial.PERMUTED), record(words.out))
        return
    for name in NETWORKS:
        if words.only in (None, name):
            train(name, words.train, words.out)
    if words.only in (None, "maps"):
        compare(words.test, words.out)
        print(markdown(summary(words.out)))


if __name__ == "__main__":
    main()
