"""The wheel by itself, in a clean environment outside the checkout: nothing may be missing from it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_wheel_in_a_clean_environment(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", ROOT, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "-q", "torch", "-c", ROOT / "constraints.txt", cwd=tmp_path)
    run(python, "-m", "pip", "install", "-q", wheel, "-c", ROOT / "constraints.txt", cwd=tmp_path)
    spiroct = tmp_path / "venv/bin/spiroct"
    reference = json.loads(
        run(
            spiroct,
            "reference",
            "--sex",
            "F",
            "--age",
            "53.4",
            "--height",
            "168",
            "--fvc",
            "3.3",
            "--json",
            cwd=tmp_path,
        )
    )
    assert reference["measures"]["FVC"]["percent_predicted"] == pytest.approx(96.2, abs=0.5)
    run(spiroct, "simulate", "patient", "patient", "--seed", "2", "--spacing", "3", cwd=tmp_path)
    run(spiroct, "predict", "patient/ct", "--out", "result", cwd=tmp_path)
    prediction = json.loads((tmp_path / "result/prediction.json").read_text(encoding="utf-8"))
    assert prediction["interpretation"] == "demonstration only"
    assert (tmp_path / "result/report.html").stat().st_size > 50_000
    assert "nothing is in the way" in run(spiroct, "doctor", cwd=tmp_path)
