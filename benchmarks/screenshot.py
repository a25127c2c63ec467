"""Make the pictures in the documentation: `benchmarks/screenshot.py`.

Those of the HTML report show the report of the tests (`tests/support/sample_report.py`). That of
the review is a terminal in which a real flow is recorded, changed, checked and reviewed.
"""

from __future__ import annotations

import contextlib
import html
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyte
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from sample_report import sample_report
from suite_markers import chromium

from pytest_flowrepro.report import render_html

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pyte.screens import Char

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "images"
FLOW = "#flow-flows-train-py-TrainFlow-small"

SIZE = 92, 34
"""Columns and lines of the terminal."""
ANSWERS = ("a", "a lower learning rate", "a", "", "a", "", "r", "not before the audit")
MOST = 60
"""Seconds for all answers."""
COLOURS = {
    "default": "#d7dae0",
    "red": "#ff7b72",
    "green": "#7ee787",
    "brown": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#76e3ea",
}
PAGE = """<meta charset="utf-8"><style>
body { margin: 0; background: #fff; }
pre { display: inline-block; margin: 0; padding: 18px 22px; border-radius: 10px;
      background: #16181d; color: #d7dae0; font: 14px/1.35 monospace; }
b { font-weight: 700; }
</style><pre>%s</pre>"""

TRAIN = '''"""Fits a model."""
from metaflow import FlowSpec, step


class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.rows = list(range(8))
        self.next(self.train)

    @step
    def train(self):
        self.rate = 0.25
        self.weights = [round(self.rate * row, 3) for row in self.rows]
        self.next(self.end)

    @step
    def end(self):
        self.report = f"best weight {max(self.weights)}"


if __name__ == "__main__":
    TrainFlow()
'''


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        picture_report(browser, folder)
        picture_review(browser, folder)
        browser.close()
    for picture in sorted(PICTURES.iterdir()):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1000} kB")


def picture_report(browser: Browser, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    file = folder / "report.html"
    file.write_text(render_html(sample_report()), encoding="utf-8")
    page.goto(f"{file.as_uri()}{FLOW}")
    page.wait_for_timeout(500)  # it scrolls to the flow
    page.screenshot(path=PICTURES / "html-report.png")
    section = page.locator(f"{FLOW} .section", has_text="Artifacts").first
    section.screenshot(path=PICTURES / "html-pictures.png")
    page.close()


def picture_review(browser: Browser, folder: Path) -> None:
    project = folder / "project"
    project.mkdir()
    flow = project / "train.py"
    flow.write_text(TRAIN, encoding="utf-8")
    (project / "requirements.txt").write_text("metaflow\n", encoding="utf-8")
    check = [sys.executable, "-m", "pytest", "-q", "--flow-repro"]
    subprocess.run([*check, "--flow-repro-update"], cwd=project, check=True)
    flow.write_text(TRAIN.replace("rate = 0.25", "rate = 0.125"), encoding="utf-8")
    subprocess.run(check, cwd=project, check=False)
    screen = in_terminal([sys.executable, "-m", "pytest_flowrepro", "review"], project)
    page = browser.new_page(viewport={"width": 1000, "height": 1000}, device_scale_factor=2)
    page.set_content(PAGE % markup(screen))
    page.locator("pre").screenshot(path=PICTURES / "review.png")
    page.close()


def in_terminal(command: list[str], folder: Path) -> pyte.Screen:
    """Run a command in a terminal and give it the answers, each after it has asked."""
    screen = pyte.Screen(*SIZE)
    stream = pyte.ByteStream(screen)
    ours, theirs = os.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(SIZE[0]), "FORCE_COLOR": "1"}
    child = subprocess.Popen(
        command, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    answers = list(ANSWERS)
    began = quiet_since = time.monotonic()
    while child.poll() is None:
        if time.monotonic() - began > MOST:
            child.kill()
            sys.exit("the review asked more questions than it has answers")
        try:
            stream.feed(os.read(ours, 4096))
            quiet_since = time.monotonic()
        except BlockingIOError:
            if answers and time.monotonic() - quiet_since > 1:
                os.write(ours, f"{answers.pop(0)}\n".encode())
                quiet_since = time.monotonic()
            time.sleep(0.05)
        except OSError:  # how a terminal of Linux ends
            break
    with contextlib.suppress(OSError):
        stream.feed(os.read(ours, 1 << 16))
    child.wait()
    os.close(ours)
    return screen


def markup(screen: pyte.Screen) -> str:
    lines = []
    for row in range(screen.lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        lines.append("".join(map(cell_markup, cells)).rstrip())
    return "\n".join(lines).strip("\n")


def cell_markup(cell: Char) -> str:
    text = html.escape(cell.data)
    if cell.fg != "default":
        text = f'<span style="color: {COLOURS.get(cell.fg, COLOURS["default"])}">{text}</span>'
    return f"<b>{text}</b>" if cell.bold else text


if __name__ == "__main__":
    main()
