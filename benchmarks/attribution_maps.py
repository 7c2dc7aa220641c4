"""Can attribution maps be believed? The pointing game, scrambled networks, deletion and folds on simulated patients.

Every patient (seed 4242, used for nothing else) is rendered without disease and with one change at a time; a method's
map of the one version minus that of the other should point to the change. Costly methods play one change a patient.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.attribution import trial
from spiroct.attribution.checks import fold_agreement, likeness, scrambled
from spiroct.attribution.deletion import curves
from spiroct.attribution.integrated_gradients import IntegratedGradients
from spiroct.attribution.layers import FusedActivationMap, LayerActivationMap
from spiroct.attribution.method import Method, Subject, prepared_subject
from spiroct.attribution.methods import make_method
from spiroct.attribution.occlusion import Occlusion
from spiroct.attribution.pairs import Pair, Versions, named_pairs, versions_of
from spiroct.attribution.pointing import BASELINES, advantage, beats_chance, idle_maps, mean_score, near, rate, score
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.attribution.regions import Anatomy, anatomy_of_labels
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.documents import write_json
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.phantom.physiology import draw_patient

SEED, PATIENTS, SPACING_MM = 4242, 64, 5.0
DELETED = 12  # patients whose estimates are followed through deletion and insertion

Kind = Callable[[Predictor, Anatomy | None], Method]
CHEAP: dict[str, Kind] = {
    "ram (pool)": lambda p, _: RegressionActivationMap(p),
    "ram (last-convolution)": lambda p, _: LayerActivationMap(p),
    "ram (stages.2)": lambda p, _: LayerActivationMap(p, layer="stages.2", gradients="own"),
    "ram-fused": lambda p, _: FusedActivationMap(p),
}
COSTLY: dict[str, Kind] = {
    "region-ablation": lambda p, anatomy: make_method("region-ablation", anatomy=anatomy)(p),
    "integrated-gradients": lambda p, _: IntegratedGradients(p, steps=8),
    "occlusion": lambda p, _: Occlusion(p),
}


class Trial:
    """Scores of every method, baseline and change, patient by patient."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.blind = Predictor(scrambled(predictor.checkpoint, seed=0), engine="torch")
        self.scores: list[dict[str, Any]] = []
        self.sanity: list[dict[str, Any]] = []
        self._methods: dict[tuple[str, bool], Method] = {}

    def method(self, name: str, kind: Kind, anatomy: Anatomy | None, *, blind: bool = False) -> Method:
        """Make a method, or take the one that was made; those that know the patient's anatomy are made anew."""
        if anatomy is not None:
            return kind(self.blind if blind else self.predictor, anatomy)
        if (name, blind) not in self._methods:
            self._methods[name, blind] = kind(self.blind if blind else self.predictor, None)
        return self._methods[name, blind]

    def subject(self, predictor: Predictor, hu: np.ndarray, versions: Versions) -> Subject:
        """Prepare one version of a patient; the lungs of the well version place the patch."""
        volume = CTVolume(hu.astype(np.float32), versions.geometry)
        lungs = LabelMap(versions.lungs.astype(np.uint8), versions.geometry)
        return prepared_subject(predictor, predictor.prepare(volume, lungs), versions.geometry)

    def patient(self, number: int, versions: Versions, kinds: dict[str, Kind], *, one_change: bool) -> None:
        """Play all changes with the given methods, or one change in turn."""
        pairs = list(named_pairs(versions))
        if one_change:
            pairs = [pairs[number % len(pairs)]]
        well = self.subject(self.predictor, versions.well.hu, versions)
        carry = _Carrier(versions, well)
        idle = {
            name: [carry(m) for m in maps]
            for name, maps in idle_maps(
                versions.lungs,
                (versions.well.labels["heart"] + versions.well.labels["great_vessels"]) > 0,
                SPACING_MM,
                np.random.default_rng((SEED, number)),
            ).items()
        }
        anatomy = carry.anatomy({}) if "region-ablation" in kinds else None
        before: dict[tuple[str, Measure], np.ndarray] = {}
        for pair in pairs:
            changed = self.subject(self.predictor, pair.after, versions)
            truth = carry((pair.after != pair.before).astype(np.float32)) > 0.5
            body = carry((versions.well.labels["body"] > 0).astype(np.float32)) > 0.5
            body |= truth
            places, moved_by = (truth, near(truth, SPACING_MM), body), _moved(pair, well, changed)
            after_anatomy = (
                carry.anatomy({"ild": pair.truth}) if anatomy and pair.change in ("ild", "one_lobe") else anatomy
            )
            for name, kind in kinds.items():
                if (name, pair.measure) not in before:
                    found = self.method(name, kind, anatomy).explain(well, (pair.measure,))[pair.measure]
                    before[name, pair.measure] = found.values
                method = self.method(name, kind, after_anatomy)
                found = method.explain(changed, (pair.measure,))[pair.measure]
                moved = found.values - before[name, pair.measure]
                self._note(number, pair, name, [moved], places, moved_by)
            for name, maps in idle.items():
                self._note(number, pair, name, maps, places, moved_by)
        self._sanity(number, versions, kinds, anatomy, well, carry)

    def _note(
        self, number: int, pair: Pair, name: str, maps: list[np.ndarray], places: tuple[np.ndarray, ...], moved: float
    ) -> None:
        truth, target, body = places
        found = mean_score([score(m, truth, target, body) for m in maps])
        self.scores.append(
            {"patient": number, "change": pair.change, "method": name, **asdict(found), "estimate_moved": moved,
             "truth_share": float(truth.sum() / body.sum())}
        )  # fmt: skip

    def _sanity(
        self,
        number: int,
        versions: Versions,
        kinds: dict[str, Kind],
        anatomy: Anatomy | None,
        well: Subject,
        carry: _Carrier,
    ) -> None:
        blind = self.subject(self.blind, versions.well.hu, versions)
        body = carry((versions.well.labels["body"] > 0).astype(np.float32)) > 0.5
        rng = np.random.default_rng((SEED, number, 1))
        judged = number < DELETED
        random = curves(self.predictor, well, Measure.DLCO, rng.random(well.patch)).areas if judged else None
        for name, kind in kinds.items():
            found = self.method(name, kind, anatomy).explain(well, (Measure.DLCO,))[Measure.DLCO]
            other = self.method(name, kind, anatomy, blind=True).explain(blind, (Measure.DLCO,))[Measure.DLCO]
            areas = (None, None)
            if random is not None:
                own = curves(self.predictor, well, Measure.DLCO, found.members.mean(axis=0)).areas
                areas = (own[0] - random[0], own[1] - random[1])
            self.sanity.append(
                {"patient": number, "method": name, "scrambled": likeness(found.values, other.values, body),
                 "folds": fold_agreement(found, body), "completeness": found.completeness_error,
                 "deletion": areas[0], "insertion": areas[1]}
            )  # fmt: skip


def _moved(pair: Pair, well: Subject, changed: Subject) -> float:
    """Change of the estimate, in the measure's unit."""
    return changed.estimates.values[pair.measure] - well.estimates.values[pair.measure]


class _Carrier:
    """Carries arrays of the simulated grid to the patch."""

    def __init__(self, versions: Versions, subject: Subject) -> None:
        self.versions, self.subject = versions, subject

    def __call__(self, array: np.ndarray) -> np.ndarray:
        from spiroct.attribution.cells import interpolate

        return interpolate(array, self.versions.geometry, self.subject.geometry)

    def anatomy(self, changed: dict[str, np.ndarray]) -> Anatomy:
        labels = self.versions.well.labels | {n: m.astype(np.uint8) for n, m in changed.items()}
        return anatomy_of_labels(labels, self.versions.geometry, self.subject.geometry)


def summary(scores: list[dict[str, Any]], sanity: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and intervals over patients, and which methods beat every map that knows nothing."""
    table: dict[tuple[str, str], dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in scores:
        table[row["change"], row["method"]][row["patient"]] = row
    pointing: dict[str, Any] = defaultdict(dict)
    for (change, method), rows in table.items():
        patients = sorted(rows)
        for quantity in ("hit", "share"):
            own = np.array([rows[p][quantity] for p in patients])
            entry = pointing[change].setdefault(method, {"n": len(patients)})
            entry[quantity] = asdict(rate(own, seed=SEED))
            if method not in BASELINES:
                against = {
                    b: advantage(own, [table[change, b][p][quantity] for p in patients], seed=SEED) for b in BASELINES
                }
                entry[f"{quantity}_against"] = {b: asdict(a) for b, a in against.items()}
                entry[f"{quantity}_beats_chance"] = beats_chance(against)
    checks: dict[str, Any] = defaultdict(dict)
    for method in dict.fromkeys(row["method"] for row in sanity):
        for quantity in ("scrambled", "folds", "completeness", "deletion", "insertion"):
            values = [row[quantity] for row in sanity if row["method"] == method and row[quantity] is not None]
            if values:
                checks[method][quantity] = asdict(rate(np.array(values), seed=SEED))
    return {"pointing": pointing, "checks": checks}


def record(folders: Sequence[Path]) -> dict[str, Any]:
    """Join several runs into what the package carries: by networks and method, how every change was pointed to."""
    found: dict[str, Any] = {}
    for folder in folders:
        document = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        of_model = found.setdefault(document["networks"], {})
        for change, methods in document["pointing"].items():
            for method, entry in methods.items():
                if method not in BASELINES:
                    of_model.setdefault(method, {})[change] = {
                        "n": entry["n"],
                        "hit": {k: round(entry["hit"][k], 4) for k in ("value", "lower", "upper")},
                        "beats_chance": entry["hit_beats_chance"],
                    }
    return found


def markdown(document: dict[str, Any]) -> str:
    """Lay the summary out as the tables of docs/concepts/explanations.md."""
    pointing, checks = document["pointing"], document["checks"]
    changes = list(pointing)
    methods = list(dict.fromkeys(m for of in pointing.values() for m in of))
    lines = ["| map | " + " | ".join(c.replace("_", " ") for c in changes) + " |", "|---" * (len(changes) + 1) + "|"]
    for method in methods:
        cells = []
        for change in changes:
            found = pointing[change].get(method)
            if found is None:
                cells.append("")
                continue
            hit, star = found["hit"], "**" if found.get("hit_beats_chance") else ""
            cells.append(f"{star}{_interval(hit)}{star}, n {found['n']}")
        lines.append(f"| {method.replace('_', ' ')} | " + " | ".join(cells) + " |")
    names = {
        "scrambled": "scrambled network",
        "completeness": "left over",
        "deletion": "deletion",
        "insertion": "insertion",
    }
    lines += ["", "| map | " + " | ".join(names.values()) + " |", "|---" * (len(names) + 1) + "|"]
    for method, of in checks.items():
        cells = [f"{_interval(of[n])}, n {of[n]['n']}" if n in of else "" for n in names]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _interval(found: dict[str, float]) -> str:
    return f"{found['value']:.2f} ({found['lower']:.2f} to {found['upper']:.2f})"


def _versions(number: int, cache: Path | None) -> Versions:
    """Render a patient, or take him from the folder of those rendered before by this very script."""
    file = None if cache is None else cache / f"{number:02d}.pkl"
    if file is not None and file.is_file():
        versions: Versions = pickle.loads(file.read_bytes())  # noqa: S301 - our own file
        return versions
    versions = versions_of(draw_patient(SEED, number), spacing_mm=SPACING_MM)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(versions, protocol=5))
    return versions


def main() -> None:
    """Run the trial and write ``scores.json`` and ``tables.md`` after every patient."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of this run")
    parser.add_argument("--record", type=Path, nargs="+", help="join finished runs into the package's trials.json")
    parser.add_argument("--model", default=DEFAULT_CHECKPOINT)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--members", type=int, default=0, help="networks of the ensemble; all by default")
    parser.add_argument("--costly", action="store_true", help="the costly methods, one change a patient")
    parser.add_argument("--cache", type=Path, help="folder of rendered patients, to render each only once")
    words = parser.parse_args()
    if words.record:
        write_json(Path(trial.__file__).with_name(trial.RECORD), record(words.record))
        return
    checkpoint = find(words.model)
    networks = trial.networks_hash(checkpoint)
    if words.members:
        checkpoint = replace(checkpoint, members=checkpoint.members[: words.members], intervals=())
    played = Trial(Predictor(checkpoint, engine="torch"))
    words.out.mkdir(parents=True, exist_ok=True)
    kinds = COSTLY if words.costly else CHEAP
    for number in range(words.patients):
        versions = _versions(number, words.cache)
        played.patient(number, versions, kinds, one_change=words.costly)
        found = summary(played.scores, played.sanity)
        document = {
            "networks": networks,
            "members": len(checkpoint.members),
            "seed": SEED,
            "scores": played.scores,
            "sanity": played.sanity,
            **found,
        }
        (words.out / "scores.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
        (words.out / "tables.md").write_text(markdown(document) + "\n", encoding="utf-8")
        print(number, flush=True)


if __name__ == "__main__":
    main()
