"""Tables of results as text: CSV that reads back, Markdown that stays a table, LaTeX that compiles by eye."""

from __future__ import annotations

import csv
import io

import pytest

from spiroct.reporting.evaluation_words import p_words, strength_words, with_interval, with_sd
from spiroct.reporting.methods_paragraph import Methods, methods_markdown, methods_paragraph
from spiroct.reporting.result_table import ResultTable, latex_text

TABLE = ResultTable.of("t", "50 % of R_1 & more", ("Model", "MAE"), [("a|b_c", "\u22120.41±0.36"), ("x", "\u2013")])


def test_csv_reads_back() -> None:
    assert list(csv.reader(io.StringIO(TABLE.to_csv()))) == [["Model", "MAE"], ["a|b_c", "-0.41±0.36"], ["x", "\u2013"]]


def test_markdown_has_as_many_cells_in_every_line() -> None:
    lines = [line for line in TABLE.to_markdown().splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert {line.replace(r"\|", "").count("|") for line in lines} == {3}


def test_latex_escapes_what_it_must() -> None:
    text = TABLE.to_latex()
    assert r"\caption{50 \% of R\_1 \& more}" in text
    assert r"a|b\_c & $-$0.41$\pm$0.36 \\" in text
    assert text.count(r"\\") == 3
    assert latex_text("<0.001") == "$<$0.001"


def test_uneven_rows_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="2 columns and a row of 1"):
        ResultTable.of("t", "t", ("a", "b"), [("1",)])


def test_words() -> None:
    nan = float("nan")
    assert with_interval(0.812, 0.7, 0.88) == "0.81 (0.70 to 0.88)"
    assert with_interval(0.812, nan, nan) == "0.81"
    assert with_interval(nan, nan, nan) == "\u2013"
    assert with_sd(0.41, 0.36) == "0.41±0.36"
    assert (p_words(0.0002), p_words(0.0341), p_words(0.21), p_words(nan)) == ("<0.001", "0.034", "0.21", "\u2013")
    assert strength_words("icc_a1", 0.8, 0.76, 0.85) == "good"
    assert strength_words("icc_a1", 0.76, 0.6, 0.85) == "moderate to good"
    assert strength_words("r", 0.76, 0.6, 0.85) == "strong"
    assert strength_words("mae", 0.76, 0.6, 0.85) == ""


def methods(**changed: object) -> Methods:
    given: dict[str, object] = {
        "patients": 64, "scans": 64, "resamples": 2000, "seed": 0, "repeated": False, "intervals": False,
        "equations": None, "compared": False, "margin": 2.0, "regressed": False, "versions": {"spiroct": "0.1.0"},
    }  # fmt: skip
    return Methods(**(given | changed))  # type: ignore[arg-type]


def test_methods_say_what_was_done_and_nothing_else() -> None:
    text, references = methods_paragraph(methods())
    assert "64 patients were compared" in text
    assert "2000 resamples" in text
    assert "equivalence" not in text
    assert "GLI" not in text
    assert not any("Wilcoxon" in one for one in references)
    full, more = methods_paragraph(
        methods(
            scans=70, repeated=True, intervals=True, equations="GLI-2017", compared=True, margin=1.5, regressed=True
        )
    )
    assert "64 patients with 70 scans" in full
    assert "a margin of 1.5 %" in full
    assert len(more) > len(references)


def test_everything_cited_has_its_reference() -> None:
    text, references = methods_paragraph(
        methods(scans=70, repeated=True, intervals=True, equations="GLI-2017", compared=True, regressed=True)
    )
    import re

    cited = {name for part in re.findall(r"\[([A-Z][^\]]*\d{4})\]", text) for name in part.split("; ")}
    assert len(cited) == len(references) >= 15
    for name in cited:
        author, year = name.rsplit(" ", 1)
        assert any(one.startswith(author) and year in one for one in references), name
    assert methods_markdown(methods()).count("\n- ") == len(methods_paragraph(methods())[1])
