"""Make the picture of the HTML report in the documentation: `benchmarks/screenshot.py`.

It shows the report of the tests (`tests/support/sample_report.py`), at the flow that drifted.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from sample_report import sample_report
from suite_markers import chromium

from pytest_flowrepro.report import render_html

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "html-report.png"
FLOW = "#flow-flows-train-py-TrainFlow-small"


def main() -> None:
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        file = Path(folder) / "report.html"
        file.write_text(render_html(sample_report()), encoding="utf-8")
        page.goto(f"{file.as_uri()}{FLOW}")
        page.wait_for_timeout(500)  # it scrolls to the flow
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"wrote {PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
