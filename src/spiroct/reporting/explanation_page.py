"""The explanation's page: maps over the scan, what adds up to the estimate, and whether to believe it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spiroct.attribution.explanation import HOW_NOT_TO_READ, HOW_TO_READ, Explanation, MeasureExplanation
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.reporting.figures.attributions import Case, case_figure
from spiroct.reporting.figures.rendering import webp_uri
from spiroct.reporting.html_template import html_template
from spiroct.reporting.wording import OUTCOME_WORDS, check_name, found, number, sentence


def write_explanation_page(explanation: Explanation, volume: CTVolume, lungs: LabelMap, path: Path) -> dict[str, Any]:
    """Write ``explanation.html``; the same explanation, scan and lungs give the same bytes.

    Parameters
    ----------
    explanation : Explanation
    volume : CTVolume
        The scan, in any orientation.
    lungs : LabelMap
        On the scan's grid.
    path : Path
        The HTML file to write.

    Returns
    -------
    dict
        Picture, sums and how to read them, for the template of a report that shows them too.
    """
    maps = _maps(explanation, volume, lungs)
    context: dict[str, Any] = {
        "e": explanation,
        "demonstration": explanation.model.demonstration_only,
        "maps": maps,
        "checks": [
            {"measure": m, "outcome": v.outcome, "word": OUTCOME_WORDS[v.outcome], "name": check_name(v.check),
             "value": found(v.value), "limit": sentence(v.limit), "meaning": sentence(v.meaning),
             "remedy": sentence(v.remedy)}
            for m, e in explanation.measures.items()
            for v in e.verdicts
        ],
        "regions": _region_rows(explanation),
    }  # fmt: skip
    text = html_template("explanation.html.j2").render(context)
    path.write_text(text, encoding="utf-8", newline="\n")
    return maps


def _maps(explanation: Explanation, volume: CTVolume, lungs: LabelMap) -> dict[str, Any]:
    """Tell the templates how to read the maps and show them: what the explanation's page and the report share."""
    figure = case_figure(_case(explanation, volume, lungs))
    width, height = (round(v * figure.dpi) for v in figure.get_size_inches())
    return {
        "how_to_read": HOW_TO_READ,
        "how_not_to_read": HOW_NOT_TO_READ,
        "picture": {"uri": webp_uri(figure), "width": width, "height": height},
        "sums": [_sum(e) for e in explanation.measures.values()],
    }


def _case(explanation: Explanation, volume: CTVolume, lungs: LabelMap) -> Case:
    return Case(explanation.scan_id, volume, lungs, {m: e.attribution for m, e in explanation.measures.items()})


def _sum(found_for: MeasureExplanation) -> dict[str, str]:
    patch = found_for.attribution.patch
    estimate, bias = float(patch.estimate.mean()), float(patch.bias.mean())
    return {
        "measure": str(patch.measure),
        "unit": patch.unit,
        "bias": number(bias),
        "places": number(float(patch.members.mean(dtype="float64"))),
        "estimate": number(estimate),
        "error": f"{patch.completeness_error:.1e}",
        "layer": f"{patch.method}, {patch.layer}",
        "summary": found_for.summary,
    }


def _region_rows(explanation: Explanation) -> list[dict[str, Any]]:
    """Make a row a region: contribution and share of the attribution for each measure, and the region's volume."""
    names = list(dict.fromkeys(r.region for e in explanation.measures.values() for r in e.regions))
    by = {(m, r.region): r for m, e in explanation.measures.items() for r in e.regions}
    rows = []
    for name in names:
        own = [by[m, name] for m in explanation.measures]
        first = own[0]
        rows.append(
            {
                "region": name.replace("_", " "),
                "part": first.part,
                "volume": number(first.volume_share, 1),
                "cells": [
                    {
                        "contribution": number(r.contribution),
                        "interval": "" if r.lower is None else f"{number(r.lower)} to {number(r.upper)}",
                        "share": number(r.share, 1),
                    }
                    for r in own
                ],
                "reason": sentence(first.reason),
            }
        )
    return rows
