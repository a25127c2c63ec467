from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from drawn_reports import EXAMPLES, reports
from flow_reports import DRIFTED, PIXEL, SCORE, SHARDED, hostile, hostile_pictures, report_of
from hypothesis import given
from report_schema import report_schema, validator
from sample_report import sample_report

from pytest_flowrepro.model import Uncollected
from pytest_flowrepro.report import render_json
from pytest_flowrepro.report.json_reader import read_report
from pytest_flowrepro.support.docs import SITE
from pytest_flowrepro.support.errors import ReportError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Report

ROOT = "report.json"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report") / ROOT


def read(file: Path, text: str) -> Report:
    file.write_text(text, encoding="utf-8")
    return read_report(file)


@EXAMPLES
@given(report=reports())
def test_a_report_is_read_as_it_was_written(file: Path, report: Report) -> None:
    assert read(file, render_json(report)) == report


@pytest.mark.parametrize("report", [report_of(), SHARDED, sample_report(), hostile("x")])
def test_a_report_with_pictures_and_a_shard_is_read_as_it_was_written(
    file: Path, report: Report
) -> None:
    text = render_json(report)
    assert render_json(read(file, text)) == text


SMALL = replace(
    SHARDED,
    flows=(replace(DRIFTED, changes=(replace(SCORE, link=SITE, pictures=hostile_pictures("x")),)),),
    uncollected=(Uncollected(file="a.py", error="not valid"),),
)
"""A report with everything that a report can have, once."""


def document() -> Any:
    return json.loads(render_json(SMALL))


def places(value: Any, *above: str | int) -> list[tuple[str | int, ...]]:
    """Return the path of each value in a document."""
    found = [above]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        below = (*above, key)
        found += places(child, *below) if isinstance(child, dict | list) else [below]
    return found


@pytest.mark.slow
def test_whatever_the_schema_refuses_is_refused_with_its_place(file: Path) -> None:
    """Replace each value by others, remove it, and add a key to each object."""
    check = validator(report_schema())
    for place in places(document())[1:]:
        others: tuple[Any, ...] = (None, True, -1, "word", {}, "removed", "added")
        for other in others:
            broken = document()
            *above, key = place
            holder = broken
            for step in above:
                holder = holder[step]
            if other == "removed" and isinstance(holder, dict):
                del holder[key]
            elif other == "added" and isinstance(holder, dict):
                holder["added"] = 1
            else:
                holder[key] = other
            if not check.is_valid(broken):
                with pytest.raises(ReportError, match=f"^{re.escape(str(file))}: .") as caught:
                    read(file, json.dumps(broken))
                assert str(key) in caught.value.what or "added" in caught.value.what


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "schema should be 1, the schema of this version, is 2"),
        ({"flows": "x"}, 'flows should be an array, is "x"'),
        ({"more": 1}, "more: unknown key"),
        ({"shard": {}}, "shard.number is missing"),
    ],
)
def test_an_error_names_the_file_and_the_place(
    file: Path, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ReportError) as caught:
        read(file, json.dumps({**document(), **change}))
    assert caught.value.what == f"{file}: {reason}"
    assert caught.value.hint.startswith("pass the JSON report of this version of pytest-flowrepro")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "is not valid JSON: line 1"), ("[]", "the file should be an object, is an array")],
)
def test_a_file_that_is_no_report_is_refused(file: Path, text: str, reason: str) -> None:
    with pytest.raises(ReportError, match=re.escape(reason)):
        read(file, text)
    with pytest.raises(ReportError, match="cannot be read: No such file"):
        read_report(file.with_name("other.json"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"https://pandas.pydata.org/docs/whatsnew/"', '"javascript:alert(1)"'),
        (f'"{PIXEL}"', '"x\\" onload=alert(1)"'),
    ],
)
def test_a_page_gets_no_link_or_image_that_it_would_not_write(
    file: Path, old: str, new: str
) -> None:
    text = render_json(sample_report()) + render_json(hostile("x"))
    assert old in text
    report = next(r for r in (sample_report(), hostile("x")) if old in render_json(r))
    with pytest.raises(ReportError, match="should be a"):
        read(file, render_json(report).replace(old, new))


def test_a_number_of_a_shard_is_one_of_its_count(file: Path) -> None:
    text = render_json(SHARDED).replace('"number": 2', '"number": 4')
    with pytest.raises(ReportError, match=r"shard\.number should be a whole number from 1 to 3"):
        read(file, text)
