"""From a matplotlib figure to an image inside a page or to files: fixed style, fixed bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "svg.fonttype": "none",  # text stays text: small, sharp, found by search
    "svg.hashsalt": "spiroct",  # identifiers depend on the drawing alone
}
PIXELS_PER_INCH = 100
PRINT_PIXELS_PER_INCH = 250
WEBP_QUALITY = 84


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in spiroct's style, whatever the user's matplotlib settings are."""
    import matplotlib.style

    with matplotlib.style.context(["default", STYLE]):
        yield


def blank_figure(width: int, height: int) -> Figure:
    """Make an empty figure of so many pixels, outside pyplot's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH)


def svg_uri(figure: Figure) -> str:
    """Draw a figure as a ``data:`` address holding an SVG; the same drawing gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _uri("image/svg+xml", stream)


def webp_uri(figure: Figure) -> str:
    """Draw a figure as a ``data:`` address holding a WebP picture (a fifth of PNG's size for noisy CT)."""
    stream = io.BytesIO()
    figure.savefig(stream, format="webp", pil_kwargs={"quality": WEBP_QUALITY, "method": 4})
    return _uri("image/webp", stream)


def write_figure(figure: Figure, folder: Path, name: str, *, dpi: int = PRINT_PIXELS_PER_INCH) -> tuple[Path, Path]:
    """Write ``name.png`` for slides and ``name.svg`` for print; the same drawing gives the same bytes.

    Parameters
    ----------
    figure : matplotlib Figure
    folder : Path
        Must exist.
    name : str
        Without an ending.
    dpi : int
        Of pictures; fewer for figures that are full of scans.

    Returns
    -------
    (Path, Path)
        The PNG and the SVG.
    """
    png = folder / f"{name}.png"
    with figure_style():
        figure.savefig(png, dpi=dpi, facecolor="white", metadata={"Software": None})
    return png, write_svg(figure, folder, name, dpi=dpi)


def write_svg(figure: Figure, folder: Path, name: str, *, dpi: int = PRINT_PIXELS_PER_INCH) -> Path:
    """Write ``name.svg`` alone, as :func:`write_figure` would."""
    svg = folder / f"{name}.svg"
    with figure_style():  # the salt of the identifiers is asked for while saving
        figure.savefig(svg, dpi=dpi, facecolor="white", metadata={"Date": None, "Creator": None})
    return svg


def _uri(kind: str, stream: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
