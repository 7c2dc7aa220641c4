"""The house holds together: versions agree, licences permit, documents follow their schemas, manuals are current."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement

import spiroct
from spiroct.cli.manual import manual
from spiroct.workflows.schemas import schemas

ROOT = Path(__file__).resolve().parents[2]
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|PSF|Python Software Foundation|ISC|Zlib|HPND|MPL|Mozilla|0BSD|CC0|Unlicense|LGPL|"
    r"Lesser General Public|Historical Permission|Pillow)\b",
    re.IGNORECASE,
)
# Metadata that names no licence in words; read in the package itself.
KNOWN = {"nvidia": "proprietary runtime of torch, chosen by torch's own wheel"}


def runtime_closure() -> set[str]:
    """Return the installed distributions that spiroct's base dependencies pull in."""
    found: set[str] = set()
    waiting = [r for r in map(Requirement, metadata.requires("spiroct") or []) if "extra" not in str(r.marker)]
    while waiting:
        requirement = waiting.pop()
        name = requirement.name.lower().replace("_", "-")
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        waiting += [r for r in map(Requirement, needs) if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def test_runtime_dependencies_are_permissive() -> None:
    names = runtime_closure()
    assert {"numpy", "torch", "simpleitk", "typer"} <= names
    offending = {}
    for name in sorted(names):
        about = metadata.metadata(name)
        # Long texts mention other licences; expression and classifiers say which one holds.
        text = about.get("License") or ""
        named = [about.get("License-Expression") or "", *(about.get_all("Classifier") or [])]
        licences = " ".join([*named, text if len(text) < 200 else ""])
        gpl_only = re.search(r"(?<![Ll])GPL(?!.*(MIT|BSD|Apache|LGPL))", licences) is not None
        if not name.startswith(tuple(KNOWN)) and (gpl_only or not PERMISSIVE.search(licences)):
            offending[name] = licences[:120]
    assert not offending


def test_one_version() -> None:
    assert metadata.version("spiroct") == spiroct.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {spiroct.__version__}\n" in citation
    assert f"## {spiroct.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_public_name_loads() -> None:
    for name in spiroct.__all__:
        assert getattr(spiroct, name) is not None
    assert set(spiroct.__all__) <= set(dir(spiroct))
    with pytest.raises(AttributeError, match="spirometer"):
        _ = spiroct.spirometer


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, spiroct; print(sorted({'numpy', 'torch', 'pandas', 'SimpleITK'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_shipped_schemas_are_the_generated_ones(name: str) -> None:
    shipped = json.loads((Path(spiroct.__path__[0]) / "schemas" / name).read_text(encoding="utf-8"))
    assert shipped == schemas()[name], "run `make schemas`"
    Draft202012Validator.check_schema(shipped)


def test_the_manual_is_current() -> None:
    written = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    assert written == manual(), "run `make manual`"


def test_every_room_says_what_it_holds_and_imports_nothing() -> None:
    for room in sorted(Path(spiroct.__path__[0]).glob("*/__init__.py")):
        text = room.read_text(encoding="utf-8")
        assert re.fullmatch(r'"""[^"]+"""\n', text), room


def test_no_file_is_too_long() -> None:
    """Above 350 lines a file has to be argued for; none is."""
    long = {
        p.name: n
        for p in Path(spiroct.__path__[0]).rglob("*.py")
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert not long
