"""No format of a report lacks a fact that another one has."""

from __future__ import annotations

import json
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from drawn_reports import EXAMPLES, reports
from hypothesis import given
from report_schema import gitlab_validator, report_schema, sarif_validator, validator

from pytest_flowrepro.model import flow_title
from pytest_flowrepro.report import (
    render_gitlab,
    render_html,
    render_json,
    render_markdown,
    render_sarif,
    render_text,
    suite_properties,
)
from pytest_flowrepro.report.overview import flow_facts, run_facts
from pytest_flowrepro.report.text import inert, label, summary, tags, unused_pattern
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import Change, Report


def facts_of_change(change: Change) -> Iterator[str]:
    yield label(change)
    yield from (side for side in (change.old, change.new) if side is not None)
    yield from change.explanation
    yield from (text for text in (change.environment, change.within, change.accepted_by) if text)
    yield from change.via


def facts(report: Report) -> Iterator[str]:
    """Yield each fact as every format for people words it."""
    yield from run_facts(report.run)
    for uncollected in report.uncollected:
        yield from (uncollected.file, *uncollected.error.splitlines())
    for flow in report.flows:
        yield from (flow.file, flow_title(flow.flow, flow.case), flow.verdict)
        yield from summary(flow)
        yield from (cause.text for cause in flow.causes)
        yield from flow.notes
        yield from (flow.error or "").splitlines()
        yield from flow.after
        for change in flow.changes:
            yield from facts_of_change(change)
        yield from (f"{stage} 1.2 s" for stage, _ in flow.seconds)
        yield from (
            fact.removeprefix("step ") for fact in flow_facts(replace(flow, after=(), seconds=()))
        )
    yield from (f"{baseline.folder}: {baseline.reason}" for baseline in report.obsolete)
    yield from map(unused_pattern, report.unused_patterns)


class Text(HTMLParser):
    """The text of a page; the end of an element that is not inside of a line ends a line."""

    INLINE = frozenset({"mark", "code", "a", "span", "b"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        self.text += "" if tag in self.INLINE else "\n"


def missing(report: Report, shown: str) -> list[str]:
    """Return the facts that `shown` lacks; control characters and CI commands are escaped in it."""
    lacking = (fact for fact in facts(report) if visible(fact) not in shown)
    return [fact for fact in lacking if inert(fact) not in shown]


@EXAMPLES
@given(reports())
def test_every_fact_is_in_each_format_for_people(report: Report) -> None:
    assert missing(report, render_text(report, details=True)) == []

    markdown = render_markdown(report, details=True)
    assert "left out" not in markdown
    assert missing(report, f"{markdown}\n{unescape(markdown)}") == []  # titles are HTML

    page = Text(render_html(report, details=True)).text
    assert missing(report, page) == []
    # No other format shows cards.
    assert all(visible(card.title) in page for flow in report.flows for card in flow.cards)


def strings(document: object) -> Iterator[str]:
    match document:
        case str():
            yield document
        case list():
            for item in document:
                yield from strings(item)
        case dict():
            for key, value in document.items():
                yield key
                yield from strings(value)


@EXAMPLES
@given(reports())
def test_every_fact_is_in_each_format_for_machines(report: Report) -> None:
    assert_in_json(report)
    assert_in_junit(report)
    assert_in_sarif_and_gitlab(report)


def assert_in_json(report: Report) -> None:
    document = json.loads(render_json(report))
    validator(report_schema()).validate(document)

    values = set(strings(document))
    run = report.run
    expected = {
        run.version,
        run.platform,
        run.python,
        *run.selection,
        run.date,
        run.branch,
        run.folder,
    }
    expected |= {*report.unused_patterns}
    expected |= {fact for old in report.obsolete for fact in (old.folder, old.reason)}
    expected |= {fact for file in report.uncollected for fact in (file.file, file.error)}
    for flow in report.flows:
        expected |= {flow.file, flow.flow, flow.case, flow.verdict, flow.error, *flow.notes}
        expected |= {cause.text for cause in flow.causes} | {*flow.after}
        expected |= {stage for stage, _ in flow.seconds}
        for card in flow.cards:
            expected |= {card.step, card.type, card.id, card.state}
        expected |= {text for step in flow.graph for text in (step.name, step.type, step.state)}
        for change in flow.changes:
            expected |= {change.name, change.step, change.setting}
            expected |= {*facts_of_change(change)} - {label(change)}
    assert expected - values - {None} == set()


def assert_in_junit(report: Report) -> None:
    """Hold that the suite has what belongs to no flow; the tests of a flow have the rest."""
    shown = "\n".join(value for _, value in suite_properties(report))
    run = report.run
    expected = {run.version, run.platform, run.python, run.date, run.command, run.resolution}
    expected |= {run.commit, run.branch, run.folder, *run.selection, *report.unused_patterns}
    expected |= {baseline.text for baseline in report.obsolete}
    assert {fact for fact in expected if fact and inert(fact) not in shown} == set()


def assert_in_sarif_and_gitlab(report: Report) -> None:
    sarif = json.loads(render_sarif(report, details=True))
    gitlab = json.loads(render_gitlab(report, details=True))
    sarif_validator().validate(sarif)
    gitlab_validator().validate(gitlab)

    results = [result["message"]["text"] for result in sarif["runs"][0]["results"]]
    descriptions = [issue["description"] for issue in gitlab]
    (invocation,) = sarif["runs"][0]["invocations"]
    notifications = [
        notification["message"]["text"]
        for kind in ("toolExecutionNotifications", "toolConfigurationNotifications")
        for notification in invocation[kind]
    ]
    messages = results + notifications
    assert len(messages) == len(descriptions) == len({issue["fingerprint"] for issue in gitlab})
    for texts, expected in (
        (results, [*expected_issues(report)]),
        (notifications, [*expected_remarks(report)]),
        (descriptions, [*expected_issues(report), *expected_remarks(report)]),
    ):
        unlinked = [text.replace("]\\(", "](") for text in texts]
        for issue in expected:
            assert any(
                all(visible(fact).replace("]\\(", "](") in text for fact in issue)
                for text in unlinked
            ), issue


def expected_issues(report: Report) -> Iterator[list[str]]:
    """Yield the facts of each issue."""
    for uncollected in report.uncollected:
        yield [uncollected.text, *uncollected.error.splitlines()]
    for flow in report.flows:
        title = flow_title(flow.flow, flow.case)
        if flow.error:
            yield [title, *flow.error.splitlines()]
        for change in flow.changes:
            yield [title, *facts_of_change(change), *tags(change)]
    yield from ([baseline.text] for baseline in report.obsolete)


def expected_remarks(report: Report) -> Iterator[list[str]]:
    for flow in report.flows:
        yield from ([flow_title(flow.flow, flow.case), note] for note in flow.notes)
    yield from ([unused_pattern(pattern)] for pattern in report.unused_patterns)
