"""Cards of Metaflow in the HTML report, in a real Chromium: shown, and kept in their frames."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from flow_reports import report_of
from sample_report import TRAIN

from pytest_flowrepro.model import Card
from pytest_flowrepro.report import render_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Project
    from playwright.sync_api import Browser, FrameLocator, Page

    Show = Callable[..., Page]


@pytest.fixture
def show_cards(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Open a report of a flow that drifted, with a card of each text, at its list of cards."""
    pages: list[Page] = []

    def show(*texts: str, **settings: object) -> Page:
        cards = []
        for number, text in enumerate(texts):
            file = tmp_path / f"card-{number}.html"
            file.write_text(text, encoding="utf-8")
            cards.append(
                Card(
                    step="train",
                    index=(number,),
                    type="html",
                    id=None,
                    state="rendered",
                    page=str(file),
                )
            )
        report = tmp_path / "report.html"
        flow = replace(TRAIN, cards=tuple(cards))
        report.write_text(render_html(report_of(flow)), encoding="utf-8")
        page = browser.new_context(**settings).new_page()  # type: ignore[arg-type]
        pages.append(page)
        page.goto(report.as_uri())
        list_cards(page)
        return page

    yield show
    for page in pages:
        page.context.close()


def list_cards(page: Page) -> None:
    page.locator("summary", has_text="Cards").click()


def open_card(page: Page, title: str) -> FrameLocator:
    """Unfold a card, and return its document."""
    card = page.locator(".card", has=page.get_by_text(title, exact=True))
    card.locator("summary").click()
    return card.frame_locator("iframe")


SHOWN = {
    "start @card(blank, prices)": ["Prices", "apples", "120"],
    "start @card(default)": ["OrchardFlow/", "Task Code", "current.card["],
    "start @card(harvest)": ["apples: 120 kg", "pears: 80 kg"],
}


def test_the_cards_of_a_rerun_are_shown(project: Project, browser: Browser) -> None:
    project.place_flows("decorators")
    for flow in project.path.glob("*.py"):
        if flow.name != "orchard.py":
            flow.unlink()
    project.record("--flow-repro-json=recorded.json").assert_outcomes(passed=4)

    options = ("--flow-repro-html=report.html", "--flow-repro-json=report.json", "-n2")
    project.check_apart(*options).assert_outcomes(passed=4)

    (flow_report,) = json.loads((project.path / "report.json").read_bytes())["flows"]
    (recorded,) = json.loads((project.path / "recorded.json").read_bytes())["flows"]
    assert flow_report["cards"] == recorded["cards"], "also without a report that shows them"
    page = browser.new_page()
    page.goto((project.path / "report.html").as_uri())
    page.get_by_role("button", name="Expand all").click()
    list_cards(page)
    titles = page.locator(".card > summary").all_inner_texts()
    assert sorted(titles) == [
        "end @card(blank)",
        "end @card(blank) 2",
        *sorted(SHOWN),
    ]
    for title, words in SHOWN.items():
        body = open_card(page, title).locator("body")
        body.get_by_text(words[0]).first.wait_for()
        text = body.inner_text()
        assert all(word in text for word in words)
    # Five cards of 1.1 MB have one script.
    assert (project.path / "report.html").stat().st_size < 1_000_000
    page.close()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_with_cards_is_accessible_and_fits(
    show_cards: Show, tmp_path: Path, width: int, color_scheme: Literal["light", "dark"]
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415

    size = {"width": width, "height": 5_000}
    card = '<!doctype html><html lang="en"><title>A card</title><main><h1>A card</h1></main>'
    page = show_cards(card, card, viewport=size, color_scheme=color_scheme)
    for number in range(2):
        open_card(page, f"train[{number}] @card(html)").locator("h1").wait_for()

    folder = Path(os.environ.get("FLOWREPRO_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"cards-{width}-{color_scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_a_card_is_opened_by_the_keyboard_and_begins_anew_each_time(show_cards: Show) -> None:
    page = show_cards("<p></p><script>document.querySelector('p').textContent = 'ran'</script>")
    summary = page.locator(".card > summary")
    assert page.locator("iframe").count() == 0, "a card that is not opened costs nothing"

    for _ in range(2):
        summary.focus()
        page.keyboard.press("Enter")
        page.frame_locator("iframe").get_by_text("ran").wait_for()
        frame = page.locator("iframe")
        assert frame.get_attribute("sandbox") == "allow-scripts"
        assert frame.get_attribute("title") == "Card of TrainFlow@small: train[0] @card(html)"
        page.keyboard.press("Enter")
        frame.wait_for(state="detached")


def test_styles_pictures_and_compiled_functions_of_a_card_work(show_cards: Show) -> None:
    picture = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
    page = show_cards(
        f"""<style>p {{ color: rgb(1, 2, 3) }}</style><p style="margin: 7px">text</p>
        <img src="{picture}">
        <script>document.body.append(new Function("return 6 * 7")())</script>"""
    )

    card = open_card(page, "train[0] @card(html)")

    card.get_by_text("42").wait_for()
    style = "one => [getComputedStyle(one).color, getComputedStyle(one).margin]"
    assert card.locator("p").evaluate(style) == ["rgb(1, 2, 3)", "7px"]
    assert card.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)") == 1


ATTEMPTS = {
    "parent": "parent.document.body.textContent",
    "top": "top.location = URL",
    "storage": "localStorage.length",
    "cookie": "document.cookie = 'a=1'",
    "webrtc": "new RTCPeerConnection()",
    "blank frame": """(() => {
        const frame = document.createElement("iframe");
        document.body.append(frame);
        return new frame.contentWindow.RTCPeerConnection();
    })()""",
    "popup": "open(URL).name",
    "fetch": "await fetch(URL)",
    "file": "await fetch('file:///etc/hostname')",
    "import": "await import(URL)",
    "image": "await Object.assign(new Image(), {src: URL}).decode()",
    "worker": "new Worker(`data:text/javascript,fetch('${URL}')`).name.x.y",
    "font": "await new FontFace('x', `url(${URL})`).load()",
    "element": """await new Promise((_, reject) => {
        const NAMES = {script: "src", link: "href", iframe: "src", object: "data"};
        for (const [name, key] of Object.entries(NAMES)) {
            const element = document.createElement(name);
            element.nonce = document.querySelector("script").nonce;
            element.rel = "stylesheet";
            element[key] = URL;
            document.body.append(element);
        }
        setTimeout(reject, 500);
    })""",
    "frame": """await new Promise((resolve, reject) => {
        const frame = document.createElement("iframe");
        const nonce = document.querySelector("script").nonce;
        const go = `new RTCPeerConnection(); parent.postMessage("reached", "*")`;
        frame.srcdoc = `<script nonce="${nonce}">${go}</${"script"}>`;
        addEventListener("message", resolve);
        document.body.append(frame);
        setTimeout(reject, 500);
    })""",
    "form": """(() => {
        const form = document.createElement("form");
        form.action = URL;
        document.body.append(form);
        form.submit();
        throw new Error();
    })()""",
}
"""Each fails in a frame, or nothing is loaded by it."""

HOSTILE = """<!doctype html>
<style>@import url(ADDRESS/import); body { background: url(ADDRESS/background) }</style>
<script src="ADDRESS/script"></script><link rel="stylesheet" href="ADDRESS/link">
<meta http-equiv="Content-Security-Policy" content="default-src * 'unsafe-inline'">
<img src="ADDRESS/image"><ul></ul><p onclick="this.textContent = 'clicked'">text</p>
<script>
const URL = "ADDRESS";
const say = (textContent) => {
  const item = Object.assign(document.createElement("li"), { textContent });
  document.querySelector("ul").append(item);
};
(async () => {
ATTEMPTS
say("done");
setTimeout(() => { location = URL; }, 1000);
})();
</script>"""


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """An address, and what was sent to it. A connection alone sends nothing."""
    sent: list[bytes] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            if data := self.request.recv(1000):
                sent.append(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_address[1]}", sent
        listening.shutdown()


def test_a_card_reaches_neither_the_page_nor_a_network(
    show_cards: Show, server: tuple[str, list[bytes]]
) -> None:
    url, sent = server
    attempts = "\n".join(
        f"try {{ {code}; say({name!r}); }} catch {{ }}" for name, code in ATTEMPTS.items()
    )
    page = show_cards(HOSTILE.replace("ATTEMPTS", attempts).replace("ADDRESS", url))
    popups: list[Page] = []
    page.context.on("page", lambda popup: popups.append(popup))  # noqa: PLW0108  it is marked

    card = open_card(page, "train[0] @card(html)")

    card.get_by_text("done").wait_for()
    assert card.locator("li").all_inner_texts() == ["done"], "what succeeded, and the end"
    card.locator("p").click()
    assert card.locator("p").inner_text() == "text", "attributes are no scripts"
    page.wait_for_timeout(2000)
    assert sent == []
    assert popups == []
    assert page.title() == "Flow reproducibility"
    assert page.url.startswith("file:")
