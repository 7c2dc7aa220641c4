"""Cohort tables: all faults at once, units and separators understood, the same bytes back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from spiroct.cohort.folds import draw_folds
from spiroct.cohort.table import read_cohort, write_cohort
from spiroct.errors import InputError
from spiroct.pft.measures import Measure

GOOD = "P1,a.nii,F,53.4,168,5.6,2.6,3.3,4.9"
SECOND = "P2,b.nii,M,60,180,7,3.1,4.2,6.6"


def test_reads_a_plain_table(written: Callable[..., Path], tmp_path: Path) -> None:
    cohort = read_cohort(written(GOOD, SECOND))
    assert cohort.scan_ids == ("P1", "P2")
    assert cohort.values(Measure.TLC).tolist() == [4.9, 6.6]
    assert cohort.path("P2") == tmp_path / "b.nii"
    assert cohort.path("P2", "lung_mask") is None
    assert cohort.notes == ()
    with pytest.raises(KeyError):
        cohort.path("P3")


def test_missing_values_stay_missing(written: Callable[..., Path]) -> None:
    table = read_cohort(written("P1,a.nii,,,,,2.6,,")).table
    assert table.loc[0, ["age", "height_cm", "DLCO", "FVC", "TLC"]].isna().all()
    assert table.loc[0, "FEV1"] == 2.6


def test_semicolons_and_decimal_commas_are_read_and_said(written: Callable[..., Path]) -> None:
    header = "patient_id;image;sex;age;height_cm;DLCO;FEV1;FVC;TLC"
    cohort = read_cohort(written("P1;a.nii;F;53,4;168;5,6;2,6;3,3;4,9", header=header))
    assert cohort.values(Measure.FVC).tolist() == [3.3]
    assert "semicolons" in cohort.notes[0]
    assert "decimal points" in cohort.notes[1]


def test_a_byte_order_mark_is_no_column_name(written: Callable[..., Path]) -> None:
    path = written(GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_cohort(path).scan_ids == ("P1",)


def test_traditional_dlco_is_converted(written: Callable[..., Path]) -> None:
    header = "patient_id,image,sex,age,height_cm,DLCO_mL_min_mmHg,FEV1,FVC,TLC"
    cohort = read_cohort(written("P1,a.nii,F,53.4,168,16.72,2.6,3.3,4.9", header=header))
    # 1 mmol/min/kPa = 2.98642 mL/min/mmHg
    assert cohort.values(Measure.DLCO)[0] == pytest.approx(16.72 / 2.98642, rel=1e-5)
    assert any("mmol/min/kPa" in note for note in cohort.notes)


def test_all_faults_are_listed_at_once(written: Callable[..., Path]) -> None:
    path = written(
        "P1,a.nii,F,53.4,168,5.6,2.6,3320,4.9",
        "P1,missing.nii,W,534,1.68,5.6,4.2,3.3,x",
        "P3,,F,50,160,5,2,3,4",
    )
    with pytest.raises(InputError) as refused:
        read_cohort(path)
    message = str(refused.value)
    for part in (
        "line 2, FVC 3320",
        "looks like mL",
        "line 3, sex 'W'",
        "age 534",
        "1.68",
        "line 3, FEV1 4.2 L is larger than FVC 3.3 L",
        "TLC 'x' is not a number",
        "image missing.nii does not exist",
        "scan_id P1 is there already in line 2",
        "line 4, image is empty",
    ):
        assert part in message, part
    assert refused.value.what.endswith("faults")


def test_images_may_be_left_out(written: Callable[..., Path]) -> None:
    assert len(read_cohort(written("P3,,F,50,160,5,2,3,4"), images=False)) == 1


@pytest.mark.parametrize(
    ("header", "row", "says"),
    [
        ("patient_id,image,sex,Age,height_cm,DLCO,FEV1,FVC,TLC", GOOD, "column age is missing (found 'Age')"),
        ("patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC", GOOD, "column TLC is missing"),
        ("patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC,TLC", GOOD + ",4.9", "column TLC is there"),
        (
            "patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC,DLCO_mL_min_mmHg",
            GOOD + ",16",
            "DLCO is there twice",
        ),
        ("patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC,ild", GOOD + ",yes", "ild 'yes' is neither 0"),
        ("patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC,split", GOOD + ",val", "split 'val'"),
        ("patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC,fold", GOOD + ",0", "fold '0'"),
        ("patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC", GOOD + ",9", "more cells than the header"),
        ("patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC", GOOD[2:], "patient_id is empty"),
        ("patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC", GOOD + "\n", None),
    ],
)
def test_faults_of_columns_and_cells(written: Callable[..., Path], header: str, row: str, says: str | None) -> None:
    path = written(row, header=header)
    if says is None:
        assert len(read_cohort(path)) == 1
        return
    with pytest.raises(InputError) as refused:
        read_cohort(path)
    assert says in str(refused.value)


def test_a_patient_on_both_sides_is_refused(written: Callable[..., Path]) -> None:
    header = "scan_id,patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC,split,fold"
    path = written(
        f"s1,{GOOD},train,1",
        f"s2,{GOOD},train,2",
        f"s3,{GOOD},test,",
        f"s4,{SECOND},train,",
        f"s5,{SECOND.replace('M', 'F')},test,3",
        header=header,
    )
    with pytest.raises(InputError) as refused:
        read_cohort(path)
    message = str(refused.value)
    assert "line 3, patient P1 (fold 2) is in another fold in line 2 (1)" in message
    assert "line 4, patient P1 (split test) is in another split in line 2 (train)" in message
    assert "line 5, fold is empty while other scans have one" in message
    assert "line 6, patient P2 (sex F) has another sex in line 5 (M)" in message
    assert "line 6, fold 3 is given to a test scan" in message


@pytest.mark.parametrize("content", ["", "patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC\n"])
def test_an_empty_table_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cohort.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=r"missing|no patients"):
        read_cohort(path)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_cohort(tmp_path / "cohort.csv")
    with pytest.raises(InputError, match="folder"):
        read_cohort(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not a text table"):
        read_cohort(tmp_path / "binary.csv")


def test_written_and_read_again_it_is_the_same(written: Callable[..., Path], tmp_path: Path) -> None:
    cohort = draw_folds(read_cohort(written(GOOD, SECOND)), folds=2)
    (tmp_path / "out").mkdir()
    write_cohort(cohort, tmp_path / "out" / "cohort.csv")
    again = read_cohort(tmp_path / "out" / "cohort.csv")
    assert again.has_folds
    assert again.table["image"].tolist() == ["../a.nii", "../b.nii"]
    for column in ("scan_id", "sex", "age", "DLCO", "TLC", "fold"):
        assert again.table[column].tolist() == cohort.table[column].tolist()
    write_cohort(again, tmp_path / "out" / "again.csv")
    assert (tmp_path / "out/again.csv").read_bytes() == (tmp_path / "out/cohort.csv").read_bytes()


def test_a_table_made_elsewhere_finds_its_scans_at_home(written: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "out" / ".partial").mkdir(parents=True)
    write_cohort(read_cohort(written(GOOD)), tmp_path / "out/.partial/cohort.csv", home=tmp_path / "out")
    (tmp_path / "out/.partial/cohort.csv").rename(tmp_path / "out/cohort.csv")
    assert read_cohort(tmp_path / "out/cohort.csv").table["image"].tolist() == ["../a.nii"]


def test_unknown_columns_are_kept(written: Callable[..., Path], tmp_path: Path) -> None:
    header = "patient_id,image,sex,age,height_cm,DLCO,FEV1,FVC,TLC,remark"
    write_cohort(read_cohort(written(GOOD + ",knee", header=header)), tmp_path / "out.csv")
    assert "knee" in (tmp_path / "out.csv").read_text(encoding="utf-8")
