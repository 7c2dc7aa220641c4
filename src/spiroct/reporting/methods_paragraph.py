"""The statistics as a paragraph to paste into a manuscript, with citations and versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Methods:
    """What an evaluation did, as far as the paragraph depends on it.

    Parameters
    ----------
    patients, scans : int
        Evaluated.
    resamples, seed : int
        Of the bootstrap.
    repeated : bool
        Whether patients have several scans.
    intervals : bool
        Whether the predictions carry intervals.
    equations : str or None
        Title of the reference equations, where %predicted or limits of normal were computed.
    compared : bool
        Whether two models were compared.
    margin : float
        Of equivalence, in percent.
    regressed : bool
        Whether biomarkers were added by regression.
    versions : mapping of str to str
        Libraries whose arithmetic the results rest on.
    """

    patients: int
    scans: int
    resamples: int
    seed: int
    repeated: bool
    intervals: bool
    equations: str | None
    compared: bool
    margin: float
    regressed: bool
    versions: Mapping[str, str]


def methods_paragraph(done: Methods) -> tuple[str, tuple[str, ...]]:
    """Write the paragraph and the references that it cites, in the order of their names.

    Returns
    -------
    text : str
        Cites as ``[Bland 1999]``.
    references : tuple of str
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("spiroct.reporting", "templates"),
        autoescape=False,  # noqa: S701 - plain text; the page escapes it
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = " ".join(environment.get_template("methods.txt.j2").render(done=done).split("\n")).strip()
    known = (files("spiroct.reporting") / "templates" / "references.txt").read_text(encoding="utf-8").splitlines()
    cited = [line.partition(": ")[::2] for line in known]
    return text, tuple(reference for name, reference in cited if name in text)


def methods_markdown(done: Methods) -> str:
    """Write paragraph and references as Markdown."""
    text, references = methods_paragraph(done)
    return "## Statistical methods\n\n" + text + "\n\n" + "\n".join(f"- {one}" for one in references) + "\n"
