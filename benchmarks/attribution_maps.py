"""Can attribution maps be believed? The pointing game, scrambled networks, deletion and folds on simulated patients.

Every patient (seed 4242, used for nothing else) is rendered without disease and with one change at a time; a method's
map of the one version minus that of the other should point to the change. Every method plays every change of every
patient; costly methods explain the first network of the ensemble alone (``--members``). What is played is kept in OUT,
and an interrupted trial goes on; ``--minutes`` ends one early. ``--record`` writes what the package carries.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from spiroct.attribution import trial
from spiroct.attribution.attribution_map import PatchMap
from spiroct.attribution.checks import fold_agreement, likeness, scrambled
from spiroct.attribution.deletion import curves
from spiroct.attribution.integrated_gradients import IntegratedGradients
from spiroct.attribution.layers import FusedActivationMap, LayerActivationMap
from spiroct.attribution.method import Method, Subject, prepared_subject
from spiroct.attribution.methods import make_method
from spiroct.attribution.occlusion import Occlusion
from spiroct.attribution.pairs import CHANGES, Pair, Versions, named_pairs, versions_of
from spiroct.attribution.pointing import BASELINES, advantage, beats_chance, idle_maps, mean_score, near, rate, score
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.attribution.regions import Anatomy, anatomy_of_labels
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.documents import write_json
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.inference.predictor import Predictor
from spiroct.pft.measures import Measure
from spiroct.phantom.physiology import draw_patient

SEED, PATIENTS, SPACING_MM = 4242, 64, 5.0
ASKED = (Measure.DLCO, Measure.TLC)
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
    "integrated-gradients": lambda p, _: IntegratedGradients(p),
    "occlusion": lambda p, _: Occlusion(p),
}


class Trial:
    """Scores of every method, baseline and change, patient by patient.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose maps.
    members : int
        Networks of the ensemble that costly methods explain, the first ones.
    """

    def __init__(self, checkpoint: Checkpoint, members: int) -> None:
        few = replace(checkpoint, members=checkpoint.members[:members], intervals=())
        self.cheap, self.costly = _Seen(checkpoint), _Seen(few)
        self.scores: list[dict[str, Any]] = []
        self.sanity: list[dict[str, Any]] = []

    def patient(self, number: int, versions: Versions) -> None:
        """Play all changes with all methods."""
        subjects = {seen: seen.subject(versions.well.hu, versions) for seen in (self.cheap, self.costly)}
        well = subjects[self.cheap]
        carry = _Carrier(versions, well)
        body = carry((versions.well.labels["body"] > 0).astype(np.float32)) > 0.5
        anatomy = carry.anatomy({})
        before = {
            name: seen.method(name, kind, anatomy).explain(subjects[seen], ASKED) for name, (seen, kind) in self.kinds()
        }
        vessels = (versions.well.labels["heart"] + versions.well.labels["great_vessels"]) > 0
        idle = idle_maps(versions.lungs, vessels, SPACING_MM, np.random.default_rng((SEED, number)))
        carried = {name: [carry(m) for m in maps] for name, maps in idle.items()}
        for pair in named_pairs(versions):
            changed = {seen: seen.subject(pair.after, versions) for seen in subjects}
            truth = carry((pair.after != pair.before).astype(np.float32)) > 0.5
            places = (truth, near(truth, SPACING_MM), body | truth)
            moved_by = _moved(pair, well, changed[self.cheap])
            sick = pair.change in ("ild", "one_lobe")
            after_anatomy = carry.anatomy({"ild": pair.truth}) if sick else anatomy
            for name, (seen, kind) in self.kinds():
                method = seen.method(name, kind, after_anatomy)
                found = method.explain(changed[seen], (pair.measure,))[pair.measure]
                self._note(number, pair, name, [found.values - before[name][pair.measure].values], places, moved_by)
            for name, maps in carried.items():
                self._note(number, pair, name, maps, places, moved_by)
        self._sanity(number, versions, {n: found[Measure.DLCO] for n, found in before.items()}, anatomy, subjects, body)

    def kinds(self) -> list[tuple[str, tuple[_Seen, Kind]]]:
        """Every method with the networks that it explains."""
        cheap = [(name, (self.cheap, kind)) for name, kind in CHEAP.items()]
        return cheap + [(name, (self.costly, kind)) for name, kind in COSTLY.items()]

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
        maps: dict[str, PatchMap],
        anatomy: Anatomy,
        subjects: dict[_Seen, Subject],
        body: np.ndarray,
    ) -> None:
        rng = np.random.default_rng((SEED, number, 1))
        random = None
        if number < DELETED:
            drawn = rng.random(body.shape)
            random = {s: curves(s.predictor, subjects[s], Measure.DLCO, drawn).areas for s in subjects}
        blind = {seen: seen.blind(number) for seen in subjects}
        prepared = {s: prepared_subject(blind[s], subjects[s].prepared, versions.geometry) for s in subjects}
        for name, (seen, kind) in self.kinds():
            found = maps[name]
            other = kind(blind[seen], anatomy).explain(prepared[seen], (Measure.DLCO,))[Measure.DLCO]
            areas = (None, None)
            if random is not None:
                own = curves(seen.predictor, subjects[seen], Measure.DLCO, found.members.mean(axis=0)).areas
                areas = (own[0] - random[seen][0], own[1] - random[seen][1])
            self.sanity.append(
                {"patient": number, "method": name, "scrambled": likeness(found.values, other.values, body),
                 "folds": fold_agreement(found, body), "completeness": found.completeness_error,
                 "deletion": areas[0], "insertion": areas[1]}
            )  # fmt: skip


class _Seen:
    """Networks, with the methods that explain them."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.predictor = Predictor(checkpoint)
        self._methods: dict[str, Method] = {}

    def method(self, name: str, kind: Kind, anatomy: Anatomy) -> Method:
        """Make a method, or take the one that was made; the one that knows the patient's anatomy is made anew."""
        if name == "region-ablation":
            return kind(self.predictor, anatomy)
        if name not in self._methods:
            self._methods[name] = kind(self.predictor, None)
        return self._methods[name]

    def blind(self, number: int) -> Predictor:
        """Scramble the networks, for every patient otherwise: how alike two maps are depends on the scramble."""
        return Predictor(scrambled(self.checkpoint, seed=number), engine="torch")

    def subject(self, hu: np.ndarray, versions: Versions) -> Subject:
        """Prepare one version of a patient; the lungs of the well version place the patch."""
        volume = CTVolume(hu.astype(np.float32), versions.geometry)
        lungs = LabelMap(versions.lungs.astype(np.uint8), versions.geometry)
        return prepared_subject(self.predictor, self.predictor.prepare(volume, lungs), versions.geometry)


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


def record(document: dict[str, Any]) -> dict[str, Any]:
    """Make what the package carries of a finished run: by networks and method, how every change was pointed to."""
    found: dict[str, Any] = {}
    for change, methods in document["pointing"].items():
        for method, entry in methods.items():
            if method not in BASELINES:
                found.setdefault(method, {})[change] = {
                    "n": entry["n"],
                    "hit": {k: round(entry["hit"][k], 4) for k in ("value", "lower", "upper")},
                    "beats_chance": entry["hit_beats_chance"],
                }
    return {document["networks"]: found}


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
            cells.append(f"{star}{_interval(hit)}{star}{_count(found['n'])}")
        lines.append(f"| {method.replace('_', ' ')} | " + " | ".join(cells) + " |")
    # Every method has the same rows of a change; the first one's will do.
    own = {c: [r for r in document["scores"] if (r["change"], r["method"]) == (c, methods[0])] for c in changes}
    moved = [f"{np.mean([r['estimate_moved'] for r in own[c]]):+.2f} {CHANGES[c][1].unit}" for c in changes]
    taken = [f"{100 * np.mean([r['truth_share'] for r in own[c]]):.0f}" for c in changes]
    lines.append("| *estimate moved by* | " + " | ".join(moved) + " |")
    lines.append("| *change takes, % of the body* | " + " | ".join(taken) + " |")
    names = {
        "scrambled": "scrambled network",
        "folds": "folds agree",
        "completeness": "left over",
        "deletion": "deletion",
        "insertion": "insertion",
    }
    lines += ["", "| map | " + " | ".join(names.values()) + " |", "|---" * (len(names) + 1) + "|"]
    for method, of in checks.items():
        cells = [f"{_interval(of[n])}{_count(of[n]['n'])}" if n in of else "" for n in names]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _count(patients: int) -> str:
    """Tell the number of patients where it is not that of the trial."""
    return "" if patients == PATIENTS else f", n {patients}"


def _interval(found: dict[str, float]) -> str:
    return f"{found['value']:.2f} ({found['lower']:.2f} to {found['upper']:.2f})"


def main() -> None:
    """Run the trial and write ``scores.json`` and ``tables.md`` after every patient; or record a finished one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--record", action="store_true", help="make the finished run the package's trials.json")
    parser.add_argument("--model", default=DEFAULT_CHECKPOINT)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--members", type=int, default=1, help="networks that costly methods explain")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after the patient at hand then")
    words = parser.parse_args()
    file, begun = words.out / "scores.json", time.monotonic()
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    if words.record:
        write_json(Path(trial.__file__).with_name(trial.RECORD), record(known))
        return
    checkpoint = find(words.model)
    facts = {"networks": trial.networks_hash(checkpoint), "members": words.members, "seed": SEED}
    if known is not None and any(known[name] != value for name, value in facts.items()):
        raise SystemExit(f"{file} is of another model or another number of networks; name another --out")
    played = Trial(checkpoint, words.members)
    if known is not None:
        played.scores, played.sanity = known["scores"], known["sanity"]
    done = {row["patient"] for row in played.sanity}
    words.out.mkdir(parents=True, exist_ok=True)
    for number in [n for n in range(words.patients) if n not in done]:
        if time.monotonic() - begun > 60 * words.minutes:
            return
        played.patient(number, versions_of(draw_patient(SEED, number), spacing_mm=SPACING_MM))
        document = {**facts, "scores": played.scores, "sanity": played.sanity}
        document |= summary(played.scores, played.sanity)
        draft = file.with_suffix(".partial")
        draft.write_text(json.dumps(document, indent=1), encoding="utf-8")
        draft.replace(file)
        (words.out / "tables.md").write_text(markdown(document) + "\n", encoding="utf-8")
        print(number, flush=True)


if __name__ == "__main__":
    main()
