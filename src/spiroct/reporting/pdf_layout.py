"""How the PDF report is set: fonts, paragraphs, tables, pictures, and what stands on every page."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from spiroct.inference.prediction import Prediction
from spiroct.reporting import estimates
from spiroct.reporting.wording import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, LINE, WARNING = "#1B2530", "#4D5A66", "#C9D1D8", "#8C1D18"
WIDTH_MM, MARGIN_MM, TEXT_MM = 210.0, 15.0, 175.7  # the flow has 6 points of padding at each side
PRINT_DPI = 200


class Style:
    """Fonts and paragraph styles; DejaVu, which matplotlib ships, has the signs that Helvetica lacks."""

    def __init__(self) -> None:
        import matplotlib as mpl
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont

        fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
        for name, file in (("DejaVu", "DejaVuSans.ttf"), ("DejaVu-Bold", "DejaVuSans-Bold.ttf")):
            pdfmetrics.registerFont(TTFont(name, str(fonts / file)))
        pdfmetrics.registerFontFamily("DejaVu", normal="DejaVu", bold="DejaVu-Bold")
        self.body = ParagraphStyle("body", fontName="DejaVu", fontSize=8, leading=10.5, textColor=INK)
        self.small = ParagraphStyle("small", self.body, fontSize=7, leading=9, textColor=MUTED)
        self.number = ParagraphStyle("number", self.body, alignment=2)
        self.title = ParagraphStyle("title", self.body, fontName="DejaVu-Bold", fontSize=16, leading=20)
        self.heading = ParagraphStyle(
            "heading", self.body, fontName="DejaVu-Bold", fontSize=11, leading=14, spaceBefore=9, spaceAfter=4,
            keepWithNext=True,
        )  # fmt: skip
        self.shout = ParagraphStyle("shout", self.body, fontName="DejaVu-Bold", fontSize=10, textColor=WARNING)
        self.warning = ParagraphStyle("warning", self.body, textColor=WARNING)

    def text(self, value: object, style: Any = None, *, bold: bool = False) -> Any:
        """Make a paragraph of plain text: markup in it, as a DICOM tag may hold, is shown and not obeyed."""
        from reportlab.platypus import Paragraph

        words = escape(str(printable(str(value))))
        return Paragraph(f"<b>{words}</b>" if bold else words, style or self.body)

    def table(self, rows: list[list[Any]], widths_mm: list[float], *, head: bool = True, numbers: int = 99) -> Any:
        """Make a table of texts; columns from ``numbers`` on are set to the right."""
        from reportlab.platypus import Table

        cells = [
            [
                cell if not isinstance(cell, str) else
                self.text(cell, self.number if j >= numbers else None, bold=(head and i == 0))
                for j, cell in enumerate(row)
            ]
            for i, row in enumerate(rows)
        ]  # fmt: skip
        lines = [("LINEBELOW", (0, 0), (-1, -1), 0.3, LINE), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        tight = [("TOPPADDING", (0, 0), (-1, -1), 1.5), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)]
        sides = [("LEFTPADDING", (0, 0), (-1, -1), 2), ("RIGHTPADDING", (0, 0), (-1, -1), 4)]
        return Table(cells, [mm(w) for w in widths_mm], style=[*lines, *tight, *sides], repeatRows=int(head))


class Frame:
    """What stands on every page: brand, scan, the warning, page number."""

    def __init__(self, prediction: Prediction, style: Style) -> None:
        self.prediction, self.style = prediction, style

    def draw(self, canvas: Any, document: Any) -> None:
        """Draw head and foot of a page."""
        left, right, top = mm(MARGIN_MM), mm(WIDTH_MM - MARGIN_MM), document.pagesize[1]
        canvas.saveState()
        canvas.setFont("DejaVu-Bold", 9)
        canvas.drawString(left, top - mm(11), "spiroct")
        canvas.setFont("DejaVu", 7.5)
        canvas.drawRightString(right, top - mm(11), str(printable(self.prediction.scan_id))[:80])
        if estimates.is_demonstration(self.prediction):
            canvas.setFillColor(WARNING)
            canvas.setFont("DejaVu-Bold", 7.5)
            middle = mm(WIDTH_MM / 2)
            canvas.drawCentredString(
                middle, top - mm(15), "DEMONSTRATION ONLY: a network trained on simulated patients"
            )
        canvas.setFillColor(MUTED)
        canvas.setFont("DejaVu", 7)
        canvas.drawString(left, mm(9), f"Made by spiroct {self.prediction.versions.get('spiroct', '')}, for research.")
        canvas.drawRightString(right, mm(9), str(canvas.getPageNumber()))
        canvas.restoreState()


def image(figure: Figure, *, width: float, highest: float, photograph: bool = False) -> Any:
    """Put a figure into the flow, so many millimetres wide, less where it would be too high.

    Drawings are stored without loss, photographs as JPEG: a fifth of the size for noisy CT.
    """
    from reportlab.platypus import Image

    stream = io.BytesIO()
    if photograph:
        figure.savefig(stream, format="jpeg", dpi=PRINT_DPI, facecolor="white", pil_kwargs={"quality": 85})
    else:
        figure.savefig(stream, format="png", dpi=PRINT_DPI, facecolor="white", metadata={"Software": None})
    stream.seek(0)
    wide, high = figure.get_size_inches()
    shown = min(width, highest * wide / high)
    return Image(stream, mm(shown), mm(shown * high / wide))


def box(content: list[Any]) -> Any:
    """Frame what nobody may overlook."""
    from reportlab.platypus import Table

    frame = [("BOX", (0, 0), (-1, -1), 1.2, WARNING), ("BOTTOMPADDING", (0, 0), (-1, -1), 5)]
    return Table([[content]], [mm(TEXT_MM)], style=frame, spaceAfter=mm(2))


def mm(millimetres: float) -> float:
    """Convert millimetres to points."""
    return millimetres / 25.4 * 72.0
