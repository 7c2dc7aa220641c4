"""Make the pictures of docs/how-to/open-the-page.md: a simulated patient on the page, desktop and telephone.

Needs Debian's chromium and the extras [serve] and [tests]; run from the root: python docs/images/make_page_pictures.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from spiroct.workflows.simulate import simulate_patient

HERE = Path(__file__).parent
SOFTWARE_GRAPHICS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIZES = {"desktop": (1200, 900), "phone": (390, 844)}


def ask(page: Any, archive: Path) -> None:
    """Choose the scan, give the height, and wait for the result."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a zip or image file").click()
    chooser.value.set_files(archive)
    page.get_by_label("Height in cm").fill("168")
    page.get_by_label("Label in the list").fill("SSc-0004")
    page.get_by_role("button", name="Estimate lung function").click()
    page.wait_for_selector(".now", timeout=120_000)


def shoot(address: str, archive: Path, folder: Path) -> None:
    """Take the pictures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=SOFTWARE_GRAPHICS)
        for name, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, locale="en-GB")
            page.goto(address)
            page.wait_for_selector("form")
            if name == "desktop":
                page.screenshot(path=folder / "page-start.png")
                ask(page, archive)
                page.screenshot(path=folder / "page-progress.png", clip={"x": 0, "y": 0, "width": width, "height": 520})
            else:
                page.get_by_role("link", name="Results").click()
                page.get_by_role("link", name="SSc-0004").click()
            page.wait_for_selector("canvas[data-ready=true]", timeout=900_000)
            if name == "phone":
                page.get_by_role("heading", name="Scan and lungs").scroll_into_view_if_needed()
                page.evaluate("scrollBy(0, 560)")
            page.wait_for_timeout(1500)
            page.screenshot(path=folder / f"page-{name}.png")
            page.get_by_role("heading", name="Lung function estimated by a network").scroll_into_view_if_needed()
            page.evaluate("document.querySelector('.cards').scrollIntoView(); scrollBy(0, -60)")
            page.screenshot(path=folder / f"page-estimates-{name}.png")
            page.close()
        browser.close()


def main() -> None:
    """Simulate, serve, shoot."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        simulate_patient(work / "patient", seed=1, index=4, spacing=1.5, file_format="dicom")
        archive = Path(shutil.make_archive(str(work / "scan"), "zip", work / "patient" / "ct"))
        server = subprocess.Popen(
            [sys.executable, "-m", "spiroct", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            line = server.stdout.readline() if server.stdout else ""
            shoot(re.findall(r"http\S+", line)[0], archive, HERE)
        finally:
            server.terminate()
            server.wait(timeout=20)


if __name__ == "__main__":
    main()
