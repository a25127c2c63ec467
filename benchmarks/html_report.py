"""Measure the HTML report of many flows: `benchmarks/html_report.py`.

Each row is a report of synthetic flows of eight steps, a third of which drifted in 19 places: how
long Python renders it, its size, how long Chromium takes until the page can be used, and until a
search has found one flow. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from sample_report import report_of_many
from suite_markers import chromium

from pytest_flowrepro.report import render_html

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The second frame after the page is loaded is the first that a person sees and can use.
SHOWN = "new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))"
SEARCH = """words => {
    const start = performance.now();
    const search = document.getElementById("search");
    search.value = words;
    search.dispatchEvent(new Event("input"));
    document.body.offsetHeight;
    return performance.now() - start;
}"""


def measure(number: int, folder: Path, page: Page) -> str:
    start = time.perf_counter()
    html = render_html(report_of_many(number))
    rendered = time.perf_counter() - start
    file = folder / f"{number}.html"
    file.write_text(html, encoding="utf-8")
    page.goto(file.as_uri())
    page.evaluate(SHOWN)
    usable = page.evaluate("performance.now()")
    found = page.evaluate(SEARCH, f"Flow{number - 1:03}")
    shown = page.locator("article:visible").count()
    size = len(html.encode()) / 1e6
    times = f"{rendered:8.2f} s {size:7.2f} MB {usable:7.0f} ms {found:7.0f} ms"
    return f"{number:5} {times} {shown:6}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("numbers", type=int, nargs="*", default=[1, 300, 500, 1000])
    numbers = parser.parse_args().numbers
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        print("flows   render      size    usable     search  found")
        for number in numbers:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            print(measure(number, Path(folder), page))
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
