"""The HTML report in a real Chromium: accessible, searchable, and nothing is loaded.

With `FLOWREPRO_SCREENSHOTS=FOLDER` its screenshots are kept there.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from flow_reports import ATTACKS, DRIFTED, SCORE, hostile, report_of
from PIL import Image
from sample_pictures import plot
from sample_report import WIDE, report_of_many, sample_report

from pytest_flowrepro.model import Images
from pytest_flowrepro.report import render_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page, Request

    from pytest_flowrepro.model import Report

    Open = Callable[..., Page]

TRAIN = "flow-flows-train-py-TrainFlow-small"

# It is called before any script of the page. Chromium writes violations to the console as well.
WATCH = "addEventListener('securitypolicyviolation', e => console.error(`CSP ${e.blockedURI}`))"


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open a report; fail if its page loads, logs or reports anything, or shows a dialog."""
    pages: list[Page] = []
    events: list[str] = []
    requests: list[str] = []
    file = tmp_path / "report.html"

    def open_report(report: Report, *, at: str = "", **settings: Any) -> Page:
        file.write_text(render_html(report), encoding="utf-8")
        page = browser.new_context(**settings).new_page()
        page.add_init_script(WATCH)
        page.on("console", lambda message: events.append(message.text))
        page.on("pageerror", lambda error: events.append(str(error)))
        page.on("dialog", lambda dialog: events.append(dialog.message))
        page.on("request", lambda request: requests.append(_url(request)))
        page.goto(f"{file.as_uri()}{at}")
        pages.append(page)
        return page

    yield open_report
    assert events == []
    assert set(requests) == {file.as_uri()}
    for page in pages:
        page.context.close()


def _url(request: Request) -> str:
    return request.url.partition("#")[0]


def flows_of(page: Page) -> list[str]:
    """Return the names of the flows that are visible."""
    return page.locator("article:visible h2").all_text_contents()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_accessible_and_fits(
    open_page: Open, tmp_path: Path, width: int, color_scheme: Literal["light", "dark"]
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415

    page = open_page(
        sample_report(), viewport={"width": width, "height": 900}, color_scheme=color_scheme
    )
    folder = Path(os.environ.get("FLOWREPRO_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"report-{width}-{color_scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # All that is folded is shown, and at once: Chromium does not lay out what is far below.
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.set_viewport_size({"width": width, "height": 12_000})
    page.screenshot(path=folder / f"report-{width}-{color_scheme}-unfolded.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


SEARCHES = {
    "train.py trainflow": ["TrainFlow@small"],
    "pytz best": ["TrainFlow@small", "NewFlow@small"],
    "warehouse": ["RefreshFlow"],
    "describe start.frame": ["TrainFlow@small", "NewFlow@small"],
    "nothing has this": [],
}


def test_flows_are_found_by_name_file_step_artifact_and_package(open_page: Open) -> None:
    page = open_page(sample_report())
    for words, found in SEARCHES.items():
        page.get_by_label("Search").fill(words)

        assert flows_of(page) == found
        assert page.get_by_role("status").inner_text() == f"{len(found)} of 14 flows"
        assert page.locator("nav li:visible .name").all_text_contents() == found
        assert page.get_by_text("No flow matches").is_visible() is not bool(found)


def test_one_of_500_flows_is_found(open_page: Open) -> None:
    page = open_page(report_of_many(500))

    page.get_by_label("Search").fill("Flow417")

    assert flows_of(page) == ["Flow417"]


def test_verdicts_are_filtered_by_the_keyboard(open_page: Open) -> None:
    page = open_page(sample_report())
    button = page.get_by_role("button", name="2 drifted")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the flows"
    while "drifted" not in page.evaluate("document.activeElement.textContent"):
        page.keyboard.press("Tab")

    page.keyboard.press("Space")
    assert button.get_attribute("aria-pressed") == "true"
    assert flows_of(page) == ["TrainFlow@small", "ScoreFlow"]

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert flows_of(page) == ["TrainFlow@small", "ScoreFlow", "NewFlow@small"]

    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    assert len(flows_of(page)) == 14


def test_flows_are_unfolded_by_the_keyboard(open_page: Open) -> None:
    page = open_page(sample_report())
    page.locator("article summary", has_text="Daily3Flow").focus()
    body = page.locator("#flow-flows-daily-d3-py-Daily3Flow")
    assert not body.is_visible()

    page.keyboard.press("Enter")

    assert body.is_visible()


def test_all_flows_are_folded_and_unfolded(open_page: Open) -> None:
    page = open_page(sample_report())

    page.get_by_role("button", name="Collapse all").click()
    assert page.locator("article > details[open]").count() == 0

    page.get_by_label("Search").fill("daily")
    page.get_by_role("button", name="Expand all").click()
    assert page.locator("article > details[open]").count() == 9


def test_a_link_opens_a_folded_flow_even_if_it_is_filtered_out(open_page: Open) -> None:
    page = open_page(sample_report(), at=f"#{TRAIN}")
    assert page.locator(f"#{TRAIN}").is_visible()
    page.get_by_role("button", name="Collapse all").click()
    page.get_by_label("Search").fill("ScoreFlow")

    page.locator(".shared summary").first.click()
    page.locator(".shared a", has_text="TrainFlow").first.click()
    page.locator(f"#{TRAIN}").wait_for(state="visible")

    assert page.get_by_label("Search").input_value() == ""
    assert len(flows_of(page)) == 14


def test_without_javascript_the_page_has_everything_and_its_links_open_flows(
    open_page: Open,
) -> None:
    page = open_page(sample_report(), java_script_enabled=False)

    assert len(flows_of(page)) == 14
    assert page.locator(f"#{TRAIN} > figure").is_visible()
    assert not page.get_by_role("search").is_visible()
    assert page.locator(".count").first.is_disabled()

    page.locator("nav a", has_text="Daily8Flow").click()
    page.locator("#flow-flows-daily-d8-py-Daily8Flow").wait_for(state="visible")


def test_a_wide_graph_is_scrolled_in_its_box(open_page: Open) -> None:
    page = open_page(report_of(WIDE), viewport={"width": 390, "height": 900})

    box = page.get_by_role("group", name="Graph of 60 steps").first
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert box.get_by_text("start", exact=True).evaluate(
        """text => {
            const {top, bottom} = text.getBoundingClientRect();
            const box = text.closest(".scroll").getBoundingClientRect();
            return box.top < top && bottom < box.bottom;
        }"""
    )
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    assert box.evaluate("box => box.scrollLeft") > 0


def test_names_and_states_are_inside_their_boxes(open_page: Open) -> None:
    page = open_page(sample_report())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.set_viewport_size({"width": 1280, "height": 12_000})

    assert (
        page.evaluate(
            """[...document.querySelectorAll(".step")].filter(step => {
            const outline = [...step.querySelectorAll("path")].at(-1).getBoundingClientRect();
            return [...step.querySelectorAll("text")].some(text => {
                const box = text.getBoundingClientRect();
                return box.left < outline.left + 4 || box.right > outline.right - 4;
            });
        }).map(step => step.textContent)"""
        )
        == []
    )


@pytest.mark.parametrize(("slope", "differs"), [(1.0, False), (1.3, True)])
def test_the_difference_of_two_images_is_black_where_they_are_equal(
    open_page: Open, slope: float, differs: bool
) -> None:
    images = Images(old=plot(1.0), new=plot(slope))
    flow = replace(DRIFTED, changes=(replace(SCORE, pictures=(images,)),))
    page = open_page(report_of(flow))

    shown = page.get_by_role("img", name="the difference").screenshot()
    image = Image.open(io.BytesIO(shown)).convert("L")
    inside = image.crop((3, 3, image.width - 3, image.height - 3))  # without pixels of the page
    darkest, *_, brightest = sorted(inside.tobytes())
    assert (darkest, brightest > 200) == (0, differs)
    assert brightest == 0 or differs


def test_no_value_runs_or_loads_anything(open_page: Open) -> None:
    reports = [hostile(text) for text in ATTACKS]
    flows = tuple(flow for report in reports for flow in report.flows)
    obsolete = tuple(baseline for report in reports for baseline in report.obsolete)
    page = open_page(replace(reports[0], flows=flows, obsolete=obsolete, unused_patterns=ATTACKS))

    page.get_by_role("button", name="Expand all").click()

    assert page.locator("article").count() == len(ATTACKS)
    assert page.locator("script, b").count() == 2  # the page's script, and one count
    assert page.locator("img:not([src^='data:image/png;base64,'])").count() == 0


def test_the_policy_stops_a_script_and_a_style_that_get_in(
    browser: Browser, tmp_path: Path
) -> None:
    harm = "<script>window.owned = 1</script><style>body { color: red }</style>"
    html = render_html(sample_report()).replace("</main>", f"{harm}</main>")
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    page = browser.new_page()
    violations: list[str] = []
    page.on("console", lambda message: violations.append(message.text))

    page.goto((tmp_path / "report.html").as_uri())

    assert len(violations) == 2
    assert page.evaluate("window.owned === undefined")
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    page.close()
