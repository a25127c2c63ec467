from __future__ import annotations

from dataclasses import replace

import pytest
from flow_reports import CODE, DRIFTED, SCORE, report_of

from pytest_flowrepro.report import changes_lines, render_html, render_markdown, started_at
from pytest_flowrepro.report.grouping import grouped, shown
from pytest_flowrepro.report.text import label, render_changes

ROWS = replace(SCORE, step="start", name="rows", index=(), origin="first", explanation=())
WORK = tuple(
    replace(SCORE, step="work", index=(n,), old=str(n), origin="derived", tasks=(1, 40))
    for n in range(3, 40)
)
MANY = tuple(replace(ROWS, step="end", name=f"n{n:02}", origin="derived") for n in range(31))


def test_tasks_that_differ_alike_are_one_with_the_values_of_the_first() -> None:
    rows, work = grouped((ROWS, *WORK))
    assert rows == ROWS
    assert (work.tasks, work.index, work.old) == ((37, 40), (3,), "3")
    assert work.explanation == WORK[0].explanation
    assert label(work) == "work.score: 37 of 40 tasks, first at [3]"


def test_a_few_tasks_are_shown_each_by_itself() -> None:
    assert grouped(WORK[:3]) == WORK[:3]
    assert len(grouped(WORK[:4])) == 1


@pytest.mark.parametrize(
    "unlike",
    [
        {"name": "loss"},
        {"step": "play"},
        {"gated": False},
        {"change": "removed"},
        {"accepted_by": "conftest.py"},
        {"within": "max 1e-9"},
        {"determinism": "nondeterministic"},
        {"origin": "first"},
        {"kind": "step"},
    ],
    ids=lambda unlike: next(iter(unlike)),
)
def test_what_counts_otherwise_is_a_group_of_its_own(unlike: dict[str, object]) -> None:
    others = tuple(replace(change, **unlike) for change in WORK[20:])  # type: ignore[arg-type]
    tasks = sorted(change.tasks or () for change in grouped((*WORK[:20], *others)))
    assert tasks == [(17, 40), (20, 40)]


def test_a_nested_foreach_is_one_group_of_all_its_turns() -> None:
    nested = [replace(WORK[0], index=(i, j)) for i in (3, 4) for j in (0, 1)]
    (one,) = grouped(nested)
    assert label(one) == "work.score: 4 of 40 tasks, first at [3, 0]"


def test_the_cause_comes_first_in_full_and_what_derives_from_it_after_that_in_short() -> None:
    long = replace(WORK[0], explanation=("one", "two", "three", "four"))
    assert changes_lines((long, *WORK[1:], CODE, ROWS)) == [
        "train.py  changed   code file   shown only",
        "start.rows  changed: 0.91 -> 0.93",
        "derived, 1 more:",
        "    work.score: 37 of 40 tasks, first at [3]  changed: 3 -> 0.93",
        "        one",
        "        two",
        "        ... 2 more lines",
    ]


def test_of_many_derived_ones_there_are_names_and_with_details_all_in_full() -> None:
    lines = changes_lines((ROWS, *MANY))
    assert lines[1] == "derived, 31 more:"
    assert lines[-1].startswith("    and 21 more: end.n10, ")
    assert lines[-1].endswith("end.n29 and 1 more")
    assert len(lines) == 13
    full = changes_lines((ROWS, *WORK, *MANY), details=True)
    for change in (*WORK, *MANY):
        assert any(label(change) in line for line in full)
    assert sum("['auc'][3]" in line for line in full) == len(WORK)


def test_what_fails_the_test_is_reported_before_what_does_not() -> None:
    accepted = replace(MANY[0], gated=False, accepted_by="conftest.py")
    lines = changes_lines((accepted, *MANY[1:3]))
    assert lines[0] == "derived:"
    assert lines[-1] == "    end.n00  changed: 0.91 -> 0.93   accepted by conftest.py"


def test_where_it_started_is_reported_where_anything_derives_from_it() -> None:
    assert started_at((CODE, ROWS)) is None
    assert started_at((CODE, ROWS, *WORK)) == "start.rows"
    first = tuple(replace(change, origin="first") for change in WORK)
    assert started_at((*first, *MANY)) == "work.score: 37 of 40 tasks, first at [3]"
    assert started_at(MANY) is None, "the first is in a test that was not selected"


def test_markdown_and_html_have_the_same_order() -> None:
    report = replace(DRIFTED, changes=(*WORK, ROWS))
    markdown, html = render_markdown(report_of(report)), render_html(report_of(report))
    table, _, folded = markdown.partition("<details><summary>drifted")
    assert table.index("start.rows") < table.index("work.score: 37 of 40 tasks, first at [3]")
    for text, derived in ((folded, "derived, 1 more"), (html, "Derived changes")):
        assert text.index("start.rows") < text.index(derived) < text.index("work.score")
        assert "37 of 40 tasks, first at [3]" in text
        assert "work[39]" not in text
    assert "  - `work.score: 37 of 40" in markdown
    detailed = (
        render_markdown(report_of(report), details=True),
        render_html(report_of(report), details=True),
    )
    assert all("work[39].score" in text for text in detailed)


def test_html_loses_none_of_the_derived_ones() -> None:
    html = render_html(report_of(replace(DRIFTED, changes=(ROWS, *MANY))))
    assert all(change.name in html for change in MANY)


def test_all_lines_are_reported_with_their_depth() -> None:
    assert [line.depth for line in render_changes((ROWS, *WORK))] == [0, 0, 1, 2]
    assert shown((ROWS, *WORK)).leading == (ROWS,)


def test_code_that_the_rerun_did_not_load_is_one_line_after_the_rest() -> None:
    loaded = replace(CODE, loaded=True)
    others = [replace(CODE, name=f"{name}.py", loaded=False) for name in "ab"]
    lines = changes_lines([*others, loaded, ROWS])
    assert lines[0].startswith("train.py  changed")
    assert lines[-1] == (
        "2 packaged files that the rerun did not load changed: a.py, b.py   shown only"
    )
    assert len(changes_lines([*others, loaded, ROWS], details=True)) == len(lines) + 1
    gated = [replace(other, gated=True) for other in others]
    assert changes_lines(gated) == [
        "2 packaged files that the rerun did not load changed: a.py, b.py"
    ]
