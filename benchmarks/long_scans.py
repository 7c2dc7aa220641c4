"""Thin sections: time and memory of ``spiroct predict`` on simulated series of 600 and of 1,000 slices of 512 x 512.

Run: ``python -m benchmarks.long_scans [FOLDER]``. Making the series takes minutes and 10 GB of memory, so that they
are kept in the folder (``.work/long-scans`` by default) and made only once.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.whole_trip import run_command

from spiroct.imaging.writing import write_dicom_series
from spiroct.phantom.draws import draw_patient
from spiroct.phantom.render import render
from spiroct.workflows.phantom_images import volume_of

LIMITS = {600: (25.0, 3.0), 1000: (None, 4.0)}
"""Slices, and their limits: seconds on the clock (none for 1,000), GiB at the peak."""
HEIGHT_MM = 338.0  # of this patient's chest
PIXELS, SEED, INDEX = 512, 3, 1


def measure(folder: Path) -> tuple[dict[str, Any], bool]:
    """Predict each series after one scan that converts the model; tell whether a limit is missed."""
    found: dict[str, Any] = {}
    missed = False
    for slices, (seconds, memory) in LIMITS.items():
        series = _series(folder, slices)
        with tempfile.TemporaryDirectory() as out:
            words = [sys.executable, "-m", "spiroct", "predict", str(series), "--out", out, "--overwrite"]
            cost = run_command(words)
        count = len(list(series.iterdir()))
        found[f"{count} slices"] = cost | {"limit s": seconds, "limit GiB": memory}
        missed |= (seconds is not None and cost["wall s"] > seconds) or cost["peak GiB"] > memory
    return found | {"load of the machine": os.getloadavg()[0]}, missed


def _series(folder: Path, slices: int) -> Path:
    series = folder / f"{slices}-slices"
    if not series.is_dir():
        patient = draw_patient(seed=SEED, index=INDEX)
        pixel = patient.fov_mm / PIXELS
        phantom = render(patient, spacing=(HEIGHT_MM / slices, pixel, pixel))
        draft = folder / ".partial"
        shutil.rmtree(draft, ignore_errors=True)
        write_dicom_series(volume_of(patient, phantom), draft, patient_id=patient.patient_id, seed_uid=str(slices))
        draft.rename(series)
    return series


if __name__ == "__main__":
    result, missed = measure(Path(sys.argv[1] if len(sys.argv) > 1 else ".work/long-scans"))
    print(json.dumps(result, indent=2))
    sys.exit(int(missed))
