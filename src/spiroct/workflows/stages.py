"""The steps of a prediction in the words of a progress display; a door that shows them listens to the logger."""

from __future__ import annotations

from enum import StrEnum

from spiroct.log import logger


class Stage(StrEnum):
    """What a prediction is busy with, in this order."""

    READ = "Reading the scan"
    LUNGS = "Finding the lungs"
    QUALITY = "Checking the scan and the lung outlines"
    ESTIMATE = "Estimating lung function"
    EXPLAIN = "Asking where the estimates come from"
    REPORT = "Writing the report"
    EXCHANGE = "Writing for other systems"


def begin(stage: Stage) -> None:
    """Say which step begins: shown by ``--debug``, and to handlers of the logger as the record's ``stage``."""
    logger.debug("%s.", stage, extra={"stage": stage.value})
