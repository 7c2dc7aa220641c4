"""What maps cost beside the prediction that they explain, in processor time of one core.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.attribution_cost SCAN``, SCAN being a real chest CT. Prints the seconds of
reading, estimating and writing without maps; of RAM for all measures, carried to the scan's grid and written; and of
what ``predict --explain`` does beside. Fails where RAM adds more than 15 %.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from spiroct.attribution.checks import scrambled_likeness
from spiroct.attribution.method import in_scan
from spiroct.attribution.ram import RegressionActivationMap
from spiroct.attribution.regions import anatomy_of_scan
from spiroct.checkpoints.catalogue import DEFAULT_CHECKPOINT, find
from spiroct.imaging.writing import write_nifti_map
from spiroct.inference.predictor import Predictor
from spiroct.pft.demographics import check_person
from spiroct.pft.reference import DEFAULT_EQUATIONS
from spiroct.workflows.estimate import Person, estimate_scan, write_prediction
from spiroct.workflows.examine import read_scan
from spiroct.workflows.explanations import STEPS

MOST = 0.15


def measure(scan: Path, folder: Path) -> dict[str, float]:
    """Seconds of processor time by step; the first pass, which loads libraries, is not counted."""
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        begun = time.process_time()
        yield
        seconds[name] = time.process_time() - begun

    predictor = Predictor(find(DEFAULT_CHECKPOINT), threads=1)
    method = RegressionActivationMap(predictor)
    person = Person(check_person(sex="F", age=60.0, height_cm=165.0, ethnicity=None), {}, (), {})
    for _ in range(2):
        seconds.clear()
        with timed("reading"):
            volume, _ = read_scan(scan)
        with timed("estimating"):
            prediction, scanned = estimate_scan(
                volume, scan, predictor=predictor, scan_id="x", person=person, equations=DEFAULT_EQUATIONS, force=True
            )
        with timed("files"):
            write_prediction(prediction, scanned.examined, folder)
        seen = scanned.subject
        with timed("maps"):
            maps = method.explain(seen)
        with timed("maps to files"):
            for name, found in maps.items():
                shown, largest = in_scan(found, seen), float(np.abs(found.values).max())
                file = folder / f"ram_{name}.nii.gz"
                write_nifti_map(shown.planes(), shown.geometry, file, largest=largest, steps=STEPS)
        with timed("regions"):
            anatomy_of_scan(volume, scanned.examined.lungs, seen.geometry)
        with timed("scrambled network"):
            scrambled_likeness(RegressionActivationMap, predictor, seen, list(maps.values()))
    return seconds


def main() -> int:
    """Print what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(Path(sys.argv[1]), Path(folder))
    prediction = sum(seconds[name] for name in ("reading", "estimating", "files"))
    share = (seconds["maps"] + seconds["maps to files"]) / prediction
    print(
        json.dumps({**{name: round(value, 2) for name, value in seconds.items()}, "share": round(share, 3)}, indent=1)
    )
    return int(share > MOST)


if __name__ == "__main__":
    sys.exit(main())
