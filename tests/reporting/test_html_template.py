"""Every page escapes what it prints and refuses to print nothing where a value is missing."""

from __future__ import annotations

import jinja2
import pytest

from spiroct.reporting.html_template import html_template

PAGES = ("report.html.j2", "evaluation.html.j2", "explanation.html.j2")


@pytest.mark.parametrize("name", PAGES)
def test_the_rules_of_every_page(name: str) -> None:
    environment = html_template(name).environment
    assert environment.from_string("{{ name }}").render(name="<script>") == "&lt;script&gt;"
    with pytest.raises(jinja2.UndefinedError):
        environment.from_string("{{ nobody }}").render()
