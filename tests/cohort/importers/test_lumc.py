"""LUMC: made-up folders as the authors' loaders imply them; CSV and Excel, codes for missing, several visits."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from spiroct.cohort.importers.imported import rows_for
from spiroct.cohort.importers.lumc import import_lumc
from spiroct.cohort.importers.source_table import number_in, read_source_table
from spiroct.errors import InputError, MissingExtraError

HEADER = ("subjectID", "DLCO_SB", "DLCOc_SB", "FEV1", "FVC", "TLC_He", "DLCOcPP", "DateDF_abs", "sex")


def lumc(
    folder: Path, rows: list[tuple[object, ...]], *, excel: bool = True, scans: tuple[int, ...] = (123456,)
) -> Path:
    (folder / "iso").mkdir(parents=True)
    for number in scans:
        for suffix in ("", "_LungMask", "_GcVessel", "_Torso"):
            (folder / "iso" / f"SSc_patient_{number:07}{suffix}.nii.gz").write_bytes(b"")
    if excel:
        book = openpyxl.Workbook()
        for row in (HEADER, *rows):
            book.active.append(row)
        book.save(folder / "labels.xlsx")
    else:
        lines = [";".join("" if v is None else str(v).replace(".", ",") for v in row) for row in (HEADER, *rows)]
        (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    return folder


ROW = ("SSc_patient_0123456", 5.1, 5.4, 2.61, 3.3, 4.9, 71, 3, "F")


@pytest.mark.parametrize("excel", [True, False])
@pytest.mark.parametrize("name", ["SSc_patient_0123456", 123456, "0123456"])
def test_a_patient_is_found_however_the_table_writes_it(tmp_path: Path, excel: bool, name: object) -> None:
    found = import_lumc(lumc(tmp_path, [(name, *ROW[1:])], excel=excel))
    assert not found.left_out
    (scan,) = found.scans
    assert (scan.scan_id, scan.image.name) == ("SSc_patient_0123456", "SSc_patient_0123456.nii.gz")
    assert {k: p.name for k, p in scan.masks.items()} == {
        "lung_mask": "SSc_patient_0123456_LungMask.nii.gz", "vessel_mask": "SSc_patient_0123456_GcVessel.nii.gz",
    }  # fmt: skip
    assert scan.cells["DLCO"] == "5.4"
    assert [scan.cells[m] for m in ("FEV1", "FVC", "TLC")] == ["2.61", "3.3", "4.9"]
    assert (scan.cells["dlco_hb_corrected"], scan.cells["tlc_method"]) == ("1", "helium dilution")
    assert (scan.cells["ct_pft_interval_days"], scan.cells["dlco_percent_given"]) == ("3.0", "71.0")
    assert scan.cells["sex"] == "F"
    assert found.notes == ("age, height_cm: not in " + ("labels.xlsx" if excel else "labels.csv") + ", and left empty",)


def test_missing_is_nv_nought_or_nothing_and_dlco_falls_back(tmp_path: Path) -> None:
    found = import_lumc(lumc(tmp_path, [(123456, 5.1, "NV", 0, None, "nv", None, None, "male")]))
    cells = found.scans[0].cells
    assert (cells["DLCO"], cells["dlco_hb_corrected"]) == ("5.1", "0")
    assert [cells[name] for name in ("FEV1", "FVC", "TLC", "tlc_method", "ct_pft_interval_days")] == [""] * 5
    assert cells["sex"] == "M"
    assert found.notes[0] == "1 DLCO are not corrected for haemoglobin"


def test_the_nearest_of_several_tests_is_taken_and_unknown_is_furthest(tmp_path: Path) -> None:
    rows = [
        (123456, 1, 5.0, 2, 3, 4, 70, None, "F"),
        (123456, 1, 5.5, 2, 3, 4, 70, 9, "F"),
        (123456, 1, 6.0, 2, 3, 4, 70, 0, "F"),
    ]
    cells = import_lumc(lumc(tmp_path, rows)).scans[0].cells
    assert (cells["DLCO"], cells["ct_pft_interval_days"]) == ("6.0", "0.0")


def test_everything_that_is_left_out_says_why(tmp_path: Path) -> None:
    rows = [
        (1, *ROW[1:7], 11, "F"), (2, *ROW[1:7], None, "F"), (3, "NV", 0, None, "NV", 0, 70, 1, "F"),
        (4, 5, "high", 2, 3, 4, 70, 1, "F"), (6, *ROW[1:]), (7, *ROW[1:]),
    ]  # fmt: skip
    found = import_lumc(lumc(tmp_path, rows, scans=(1, 2, 3, 4, 5, 7)), max_gap_days=10)
    assert [s.scan_id for s in found.scans] == ["SSc_patient_0000007"]
    assert [(int(one.scan_id[-7:]), one.kind) for one in found.left_out] == [
        (1, "too far apart"), (2, "too far apart"), (3, "no measurement"), (4, "impossible value"),
        (5, "not named in the table"), (6, "no scan"),
    ]  # fmt: skip
    assert "lie 11 days, and 10 days at most" in found.left_out[0].reason
    assert "lie unknown" in found.left_out[1].reason


def test_two_resolutions_are_refused_until_one_is_named(tmp_path: Path) -> None:
    folder = lumc(tmp_path, [ROW])
    (folder / "original").mkdir()
    (folder / "original" / "SSc_patient_0123456.nii.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"SSc_patient_0123456 is there twice.*name one folder of scans with --scans"):
        import_lumc(folder)
    assert not import_lumc(folder, scans=folder / "original").scans[0].masks


def test_one_table_has_to_be_clear(tmp_path: Path) -> None:
    folder = lumc(tmp_path, [ROW])
    (folder / "other.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds 2 tables \(labels\.xlsx, other\.csv\).*name it with --labels"):
        import_lumc(folder)
    assert import_lumc(folder, labels=folder / "labels.xlsx").scans
    with pytest.raises(InputError, match="has no column subjectID, DLCOc_SB"):
        import_lumc(folder, labels=folder / "other.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no SSc_patient"):
        import_lumc(tmp_path / "empty")


def test_a_damaged_table_and_a_missing_extra_end_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lumc(tmp_path, [ROW])
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(b"PK no zip")
    with pytest.raises(InputError, match=r"bad\.xlsx is not an Excel table"):
        read_source_table(bad, ())
    binary = tmp_path / "bad.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bad\.csv cannot be read as text"):
        read_source_table(binary, ())

    def without(module: str) -> object:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("importlib.import_module", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'spiroct\[spreadsheets\]'"):
        read_source_table(folder / "labels.xlsx", ())


@pytest.mark.parametrize(("text", "value"), [("5.4", 5.4), ("5,4", 5.4), ("", None), ("nv", None), ("-3", -3.0)])
def test_numbers(text: str, value: float | None) -> None:
    assert number_in(text, missing=("NV",)) == value


@pytest.mark.parametrize("text", ["high", "inf", "1,234.5"])
def test_no_numbers(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        number_in(text)


def test_an_impossible_value_leaves_out_one_scan_and_no_other(tmp_path: Path) -> None:
    rows = [(1, 5, 5.4, 2.6, 3.3, 4.9, 70, 1, "F"), (2, 5, 5.4, 2600, 3300, 4.9, 70, 1, "F")]
    found = import_lumc(lumc(tmp_path, rows, scans=(1, 2)))
    kept, left_out = rows_for(found.scans, tmp_path / "not" / "there")
    assert [row["scan_id"] for row in kept] == ["SSc_patient_0000001"]
    assert kept[0]["image"] == "../../iso/SSc_patient_0000001.nii.gz"
    assert "FVC 3300 L, which looks like mL" in left_out[0].reason
