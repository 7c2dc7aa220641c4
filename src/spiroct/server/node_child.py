"""The process that predicts for a node: one line of JSON asks for a study, one line answers; it ends with the node.

Run as ``python -m spiroct.server.node_child``. The model is loaded once and the process replaced after so many studies,
so that whatever a library leaks or breaks ends with it.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from spiroct.errors import ExitCode, SpiroctError
from spiroct.log import start_logging
from spiroct.run_folder import RUN_FILE


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Predict one study.

    Parameters
    ----------
    job : dict
        ``scan`` and ``out`` (paths), and the keywords of :func:`spiroct.workflows.predict.predict` as ``request``.

    Returns
    -------
    dict
        ``{"done": True}``, or ``{"refused": sentence}`` without a path in it.
    """
    from spiroct.workflows.predict import predict

    scan, out = Path(job["scan"]), Path(job["out"])
    if (out / RUN_FILE).is_file():  # finished before the node ended
        return {"done": True}
    shutil.rmtree(out, ignore_errors=True)
    try:
        predict(scan, out=out, dicom=True, fhir=True, **job["request"])
    except SpiroctError as refusal:
        told = str(refusal).replace(str(scan), "the scan").replace(str(out), "the result")
        return {"refused": told.removesuffix(", or add --force to go on all the same.")}
    return {"done": True}


def main(asked: TextIO, told: TextIO) -> None:
    """Answer until the node closes its end, which it does by dying, too."""
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(asked, jobs), daemon=True).start()
    while True:
        found = answer(json.loads(jobs.get()))
        told.write(json.dumps(found) + "\n")
        told.flush()


def _read(asked: TextIO, jobs: queue.SimpleQueue[str]) -> None:
    for line in asked:
        jobs.put(line)
    os._exit(ExitCode.INTERRUPTED)  # in the middle of a prediction, too: nobody would take its result


if __name__ == "__main__":
    lines, sys.stdout = sys.stdout, sys.stderr  # nothing else may get between the lines
    start_logging(quiet=True)
    main(sys.stdin, lines)
