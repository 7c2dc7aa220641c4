"""The templates of every page, under one set of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spiroct.reporting.wording import printable

if TYPE_CHECKING:
    import jinja2


def html_template(name: str) -> jinja2.Template:
    """Find a page's template: what it prints is escaped, and a value that it misses is an error.

    Parameters
    ----------
    name : str
        File in ``templates``, such as ``"report.html.j2"``.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("spiroct.reporting", "templates"),
        autoescape=True,  # text from DICOM headers is anyone's text
        undefined=jinja2.StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
