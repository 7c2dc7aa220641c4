"""One prediction in a process of its own: whatever happens to it, the page stays and can say so.

Run as ``python -m spiroct.server.child JOB.json``. It tells its steps on stdout, one JSON object a line, and ends when
the server that reads them is gone.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from spiroct.documents import write_json
from spiroct.errors import ExitCode, RefusalError, SpiroctError, UsageError
from spiroct.log import logger

PICTURES = "Preparing the pictures"
OPTIONS = {  # what a sentence of the command line says, and what the page has in its place
    ", or add --force to go on all the same": "",
    "--dicom with ": "DICOM objects of ",
    "leave --dicom out": "leave the box of DICOM objects empty",
}


def main(job_file: Path, told: TextIO) -> ExitCode:
    """Predict what a job file asks for.

    Parameters
    ----------
    job_file : Path
        JSON: ``scan`` and ``folder`` (paths), ``shown_as`` (what the user calls the scan), ``model`` and ``request``.
    told : text stream
        Takes the lines for the server.

    Returns
    -------
    ExitCode
        REFUSED where a sentence was told; errors that are no refusals go their way and end the process.
    """
    job = json.loads(job_file.read_text(encoding="utf-8"))
    logger.handlers.clear()
    logger.addHandler(_StageTeller(told))
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        facts = _predict(job, Path(job["scan"]), Path(job["folder"]), told)
    except SpiroctError as refusal:
        tell(told, error=_as_user_knows_it(refusal, job), overridable=isinstance(refusal, RefusalError))
        return ExitCode.REFUSED
    tell(told, facts=facts)
    return ExitCode.DONE


def tell(told: TextIO, **fields: Any) -> None:
    """Write one line for the server."""
    told.write(json.dumps(fields) + "\n")
    told.flush()


def _predict(job: dict[str, Any], scan: Path, folder: Path, told: TextIO) -> dict[str, Any]:
    from spiroct.imaging.label_files import read_label_map
    from spiroct.imaging.reading import read_ct
    from spiroct.reporting.pdf import write_pdf
    from spiroct.server.maps import write_maps
    from spiroct.server.results import MADE, OUT, SUMMARY, VIEW
    from spiroct.server.summary import list_facts, summary_document
    from spiroct.server.view import write_view
    from spiroct.workflows.predict import predict

    request = dict(job["request"])
    exchange, out, made = request.pop("exchange"), folder / OUT, folder / MADE
    run = partial(predict, scan, out=out, model=job["model"], overwrite=True, dicom=exchange, fhir=exchange)
    reason = None
    try:
        prediction = run(**request)
    except UsageError as unsuited:
        if not request["explain"]:
            raise
        # A network that cannot be explained still has its result; whatever else is wrong is told by the second try.
        reason = _as_user_knows_it(unsuited, job)
        prediction = run(**request | {"explain": False})
    tell(told, stage=PICTURES)
    volume = read_ct(scan)
    masks = {
        name: read_label_map(out / f"{name}.nii.gz", onto=volume.geometry)
        for name in ("lungs", "vessels")
        if (out / f"{name}.nii.gz").is_file()
    }
    made.mkdir()
    write_pdf(prediction, made / "report.pdf", volume=volume, lungs=masks["lungs"])
    if exchange:
        _pack(sorted((out / "dicom").glob("*.dcm")), made / "dicom.zip")
    spacing = write_view(volume, masks, folder / VIEW)
    maps = write_maps(out, spacing, folder / VIEW) if request["explain"] and reason is None else []
    document = summary_document(prediction) | {
        "view_spacing_mm": list(spacing),
        "maps": maps,
        "maps_reason": reason,
    }
    write_json(folder / VIEW / SUMMARY, document)
    return list_facts(prediction)


def _pack(files: Sequence[Path], archive: Path) -> None:
    """Put DICOM objects into one archive, as a browser downloads them."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, file.name)


def _as_user_knows_it(refusal: SpiroctError, job: dict[str, Any]) -> dict[str, str]:
    """Put a refusal into the page's words: the scan by the user's name for it, and a button instead of an option."""
    words = {}
    for part in ("what", "rule", "remedy"):
        text = str(getattr(refusal, part)).replace(job["scan"], job["shown_as"]).replace(job["folder"], "")
        for option, page in OPTIONS.items():
            text = text.replace(option, page)
        words[part] = text
    return words


class _StageTeller(logging.Handler):
    """Passes on which step begins; warnings stand in the result already, and may name a file."""

    def __init__(self, told: TextIO) -> None:
        super().__init__()
        self.told = told

    def emit(self, record: logging.LogRecord) -> None:
        """Tell a step."""
        stage = getattr(record, "stage", None)
        if stage is not None:
            tell(self.told, stage=stage)


def _end_with_the_server() -> None:
    """Wait for the end of stdin, which comes when the server closes it or dies."""
    while os.read(0, 1024):  # not sys.stdin, whose lock would break off the end of the interpreter
        pass
    os._exit(ExitCode.INTERRUPTED)


def _be_the_first_to_go() -> None:
    """Where memory runs out, Linux shall end this process and neither the server nor another program."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000", encoding="ascii")


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    _be_the_first_to_go()
    lines, sys.stdout = sys.stdout, sys.stderr  # nothing else may get between the lines
    sys.exit(main(Path(sys.argv[1]), lines))
