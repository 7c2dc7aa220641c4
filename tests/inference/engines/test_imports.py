"""Predicting with a converted model imports nothing that only training needs, and tells nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = (
    "openvino_telemetry",
    "torch",
    "lightning",
    "pytorch_lightning",
    "monai",
    "statsmodels",
    "sklearn",
    "scipy.stats",
    "pandas",
)
PREDICT = """
import json, sys, threading
from pathlib import Path

sockets = []
outward = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
sys.addaudithook(lambda event, _: event in outward and sockets.append(event))
from spiroct.workflows.predict import predict
predict(Path(sys.argv[1]), out=Path(sys.argv[2]), model=sys.argv[3], sex="F", age=50.0, height=165.0, force=True)
for thread in threading.enumerate():
    thread is threading.current_thread() or thread.daemon or thread.join(20)
print(json.dumps([sockets, sorted(sys.modules)]))
"""


def imported(scan: Path, out: Path, checkpoint: Path) -> set[str]:
    words = [sys.executable, "-c", PREDICT, str(scan), str(out), str(checkpoint)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    sockets, modules = json.loads(done.stdout.splitlines()[-1])
    assert sockets == []
    return set(modules)


def test_once_converted_no_training_library_is_imported(
    make_checkpoint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spiroct.workflows.simulate import simulate_patient

    monkeypatch.setenv("SPIROCT_CACHE", str(tmp_path / "cache"))
    simulate_patient(tmp_path / "patient", seed=3, spacing=6.0)
    scan = next((tmp_path / "patient").glob("ct*"))
    folder = tmp_path / "checkpoint"
    make_checkpoint({"name": "resnet3d", "width": 4, "depths": [1]}, patch=(8, 8, 8)).save(folder)
    assert "torch" in imported(scan, tmp_path / "first", folder)  # it converts
    again = imported(scan, tmp_path / "second", folder)
    assert "openvino" in again
    assert not again & set(HEAVY)
