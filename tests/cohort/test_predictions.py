"""Reading predictions and biomarkers: what is taken, and every refusal with its one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiroct.cohort.biomarker_table import read_biomarkers
from spiroct.cohort.predictions import COLUMNS, Predictions, read_predictions
from spiroct.errors import InputError

HEAD = "patient_id,scan_id,model,set,fold,measure,quantity,unit,measured,estimated,lower,upper,level"
ROWS = [f"p{i},s{i},net,test,ensemble,FVC,absolute,L,{3 + i / 10},{3.1 + i / 10},2.5,4.5,0.9" for i in range(4)]


def read(folder: Path, *lines: str, name: str = "predictions.csv") -> Predictions:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_predictions(path)


def test_own_table(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD, *ROWS)
    assert list(found.table.columns) == list(COLUMNS)
    assert found.table["measured"].tolist() == pytest.approx([3.0, 3.1, 3.2, 3.3])
    assert found.notes == ()


def test_plain_table_with_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    lines = [f"p{i};fvc;L;{3 + i / 10:.1f};{3.1 + i / 10:.1f}".replace(".", ",") for i in range(4)]
    found = read(tmp_path, "patient_id;measure;unit;measured;estimated", *lines, name="ours.csv")
    first = found.table.iloc[0]
    assert (first["scan_id"], first["model"], first["set"], first["fold"]) == ("p0", "ours", "test", "ensemble")
    assert (first["measure"], first["quantity"], first["estimated"]) == ("FVC", "absolute", 3.1)
    assert any("semicolons" in n for n in found.notes)
    assert any("decimal points" in n for n in found.notes)
    assert any("no column model" in n for n in found.notes)


def test_dlco_in_the_other_unit_is_converted(tmp_path: Path) -> None:
    rows = [f"p{i},DLCO,mL/min/mmHg,{15 + i},{16 + i},{14 + i},{19 + i}" for i in range(4)]
    found = read(tmp_path, "patient_id,measure,unit,measured,estimated,lower,upper", *rows)
    assert found.table["measured"].iloc[0] == pytest.approx(15 / 2.98642)
    assert found.table["upper"].iloc[0] == pytest.approx(19 / 2.98642)
    assert set(found.table["unit"]) == {"mmol/min/kPa"}
    assert any("converted" in n for n in found.notes)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    gap = "p9,s9,net,test,ensemble,FVC,absolute,L,,3.1,,,"
    other = "p9,s9,net,test,ensemble,TLC,absolute,L,,5.1,,,"
    found = read(tmp_path, HEAD, *ROWS, gap, other)
    assert any("TLC has no row" in n for n in found.notes)
    assert any("1 of FVC" in n for n in found.notes)


def changed(old: str, new: str, row: int = 0) -> list[str]:
    assert old in ROWS[row]
    return [r.replace(old, new, 1) if i == row else r for i, r in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEAD.replace("measured,", ""), *ROWS], "column measured is missing"),
        ([HEAD], "no rows below"),
        ([HEAD, *changed("FVC", "VC")], r"line 2, measure 'VC' is none of DLCO, FEV1, FVC, TLC"),
        ([HEAD, *changed("test", "train")], "set 'train' is none of"),
        ([HEAD, *changed("ensemble", "0")], "fold '0' is neither"),
        ([HEAD, *changed("absolute", "z_score")], "quantity 'z_score'"),
        ([HEAD, *changed(",L,", ",mL,")], "FVC is in L"),
        ([HEAD, *changed("L,3.0,", "L,3000,")], "looks like mL"),
        ([HEAD, *changed("L,3.0,", "L,three,")], "measured 'three' is not a number"),
        ([HEAD, *changed("3.1,2.5", "inf,2.5")], "estimated 'inf' is not finite"),
        ([HEAD, *changed("2.5,4.5", "4.5,2.5")], "lower 4.5 is above upper 2.5"),
        ([HEAD, *changed("2.5,4.5", "2.5,")], "both lower and upper"),
        ([HEAD, *changed("0.9", "90")], "level 90 is not between"),
        ([HEAD, *changed("0.9", "0.8", 1)], "line 3, level is 0.8 here and 0.9 in line 2"),
        ([HEAD, *changed("p0,", ",")], "patient_id is empty"),
        ([HEAD, *ROWS, ROWS[0]], "line 6, s0, net, test, ensemble, FVC, absolute is there already in line 2"),
        ([HEAD, *ROWS, ROWS[0].replace("p0", "px").replace("net", "b")], "of patient px here and p0"),
        ([HEAD, *ROWS, ROWS[0].replace("net", "b").replace("L,3.0", "L,3.9")], "'3.9' here and '3.0' in line 2"),
        ([HEAD, *(r.replace(f"L,{3 + i / 10},", "L,3.0,") for i, r in enumerate(ROWS))], "is 3 in all 4 scans"),
        ([HEAD, *ROWS[:2]], "2 patients with both values"),
        ([HEAD, *(r.replace(f"L,{3 + i / 10},", "L,,") for i, r in enumerate(ROWS))], "no row with both"),
        ([HEAD, *changed("0.9", "0,9")], "more cells than the header"),
        ([HEAD, *changed("absolute,L,3.0", "percent_predicted,L,80")], "is not %"),
        ([HEAD, *changed("absolute,L,3.0", "percent_predicted,%,0.8"), *ROWS[:0]], None),
    ],
)
def test_refusals(tmp_path: Path, lines: list[str], message: str | None) -> None:
    if message is None:  # a small percentage is odd and possible
        assert len(read(tmp_path, *lines).table) == 4
        return
    with pytest.raises(InputError, match=message) as refusal:
        read(tmp_path, *lines)
    assert "\n" not in str(refusal.value)


def test_mixed_units_are_refused(tmp_path: Path) -> None:
    rows = [f"p{i},DLCO,{'mL/min/mmHg' if i else 'mmol/min/kPa'},{15 if i else 5},{16 if i else 5}" for i in range(4)]
    with pytest.raises(InputError, match="DLCO is in mL/min/mmHg here and in mmol/min/kPa in line 2; use one unit"):
        read(tmp_path, "patient_id,measure,unit,measured,estimated", *rows)


def test_dlco_that_looks_like_the_other_unit_is_refused_with_the_way_out(tmp_path: Path) -> None:
    rows = [f"p{i},DLCO,mmol/min/kPa,{45 + i},16" for i in range(4)]
    with pytest.raises(InputError, match="looks like mL/min/mmHg"):
        read(tmp_path, "patient_id,measure,unit,measured,estimated", *rows)


def test_many_faults_are_shortened(tmp_path: Path) -> None:
    rows = [f"p{i},VC,L,3,3" for i in range(100)]
    with pytest.raises(InputError, match="100 faults") as refusal:
        read(tmp_path, "patient_id,measure,unit,measured,estimated", *rows)
    assert "and 80 more" in str(refusal.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_predictions(tmp_path / "none.csv")


def test_biomarkers(tmp_path: Path) -> None:
    path = tmp_path / "biomarkers.csv"
    head = "scan_id;region;biomarker;value;unit;grid\n"
    path.write_text(head + "s0;lungs;perc85;-780,5;HU;1.5 mm\ns1;lungs;perc85;;HU;1.5 mm\n", encoding="utf-8")
    found = read_biomarkers(path)
    assert found["value"].iloc[0] == -780.5
    assert found["value"].isna().tolist() == [False, True]
    path.write_text(head + "s0;lungs;perc85;-780;HU;a\ns0;lungs;perc85;x;HU;a\n", encoding="utf-8")
    with pytest.raises(InputError, match="perc85, a is there already in line 2; line 3, value 'x' is not a number"):
        read_biomarkers(path)
    path.write_text("scan_id,value\n", encoding="utf-8")
    with pytest.raises(InputError, match="column region is missing"):
        read_biomarkers(path)
