"""Joined tables keep one header and refuse two."""

from __future__ import annotations

from pathlib import Path

import pytest

from spiroct.batch.tables import Failure, write_failures, write_joined


def test_tables_are_joined_in_order(tmp_path: Path) -> None:
    for name, text in {"one": "a,b\n1,2\n", "two": 'a,b\n"3,x",4\n', "none": "a,b\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    write_joined([tmp_path / "two", tmp_path / "none", tmp_path / "one"], tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text(encoding="utf-8") == 'a,b\n"3,x",4\n1,2\n'
    write_joined([], tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text(encoding="utf-8") == ""


def test_two_headers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "two").write_text("a,c\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="a,c"):
        write_joined([tmp_path / "one", tmp_path / "two"], tmp_path / "all.csv")
    assert not (tmp_path / "all.csv").exists()


def test_reasons_keep_their_commas_and_lines(tmp_path: Path) -> None:
    write_failures([Failure("a", "x.nii", "ScanError", 'it is "bad", mend it')], tmp_path / "failures.csv")
    text = (tmp_path / "failures.csv").read_text(encoding="utf-8")
    assert text == 'scan_id,image,kind,reason\na,x.nii,ScanError,"it is ""bad"", mend it"\n'
