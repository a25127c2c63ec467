from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flow_reports import CODE, DRIFTED, FAILED, NUMPY, REPRODUCED, SCORE, report_of
from sample_report import TRAIN, sample_report

from pytest_flowrepro.model import Change, FlowReport
from pytest_flowrepro.report.html.view import FlowView, view_page

if TYPE_CHECKING:
    from pytest_flowrepro.report.html.marked import Text


def view(flow: FlowReport, *, details: bool = False) -> FlowView:
    (shown,) = view_page(report_of(flow), details=details).flows
    return shown


def plain(text: Text | None) -> str | None:
    return None if text is None else "".join(piece for piece, _ in text)


def marked(text: Text | None) -> list[str]:
    return [piece for piece, differs in text or () if differs]


def test_an_id_follows_from_file_flow_and_case() -> None:
    assert view(DRIFTED).id == "flow-flows-train-py-TrainFlow-small"


def test_two_flows_never_have_the_same_id() -> None:
    page = view_page(report_of(replace(DRIFTED, file="a/b.py"), replace(DRIFTED, file="a-b.py")))

    assert [flow.id for flow in page.flows] == [
        "flow-a-b-py-TrainFlow-small",
        "flow-a-b-py-TrainFlow-small--2",
    ]


def test_flows_are_counted_and_ordered_the_worst_first() -> None:
    page = view_page(report_of(REPRODUCED, DRIFTED, FAILED))

    assert [(count.verdict, count.mark, count.number) for count in page.counts] == [
        ("error", "!", 1),
        ("drifted", "≠", 1),
        ("reproduced", "=", 1),
    ]
    assert [flow.name for flow in page.flows] == ["BadFlow", "TrainFlow@small", "HelloFlow"]


def test_flows_that_need_a_look_are_unfolded() -> None:
    page = view_page(sample_report())

    assert {flow.verdict for flow in page.flows if flow.is_open} == {
        "error",
        "drifted",
        "no baseline",
    }


def test_a_shared_cause_links_to_its_flows() -> None:
    page = view_page(sample_report())

    (cause,) = (cause for cause in page.causes if "packages" in cause.text)
    assert {flow.id for flow in cause.flows} >= {
        "flow-flows-score-py-ScoreFlow",
        "flow-flows-train-py-TrainFlow-small",
    }


def test_sections_are_in_the_order_of_causes_and_effects() -> None:
    assert [(section.heading, section.number) for section in view(TRAIN).sections] == [
        ("Policy", 1),
        ("Packages and interpreter", 3),
        ("Artifacts", 4),
        ("Derived changes", 3),
        ("Code", 1),
        ("6 other packaged files changed", None),
    ]


def test_derived_changes_and_files_that_were_not_loaded_are_folded() -> None:
    folded = [section.heading for section in view(TRAIN).sections if not section.is_open]

    assert folded == ["Derived changes", "6 other packaged files changed"]


def test_changes_that_are_all_derived_are_not_folded() -> None:
    derived = tuple(change for change in TRAIN.changes if change.origin == "derived")
    (section,) = view(replace(TRAIN, changes=derived)).sections

    assert (section.heading, section.is_open) == ("Changes, all derived", True)


def test_details_unfold_derived_changes_task_by_task() -> None:
    section = view(TRAIN, details=True).sections[3]

    assert (section.number, section.is_open) == (7, True)


def test_a_section_of_many_rows_is_folded() -> None:
    packages = tuple(replace(NUMPY, name=f"package{n}") for n in range(21))
    (section,) = view(replace(DRIFTED, changes=packages)).sections

    assert not section.is_open


def test_artifacts_are_by_step_in_the_order_of_the_graph() -> None:
    changes = tuple(replace(SCORE, step=step) for step in ("end", "start", "unknown", "train"))
    (section,) = view(replace(DRIFTED, changes=changes)).sections

    captions = [table.caption for table in section.tables]
    assert captions == ["step start", "step train", "step end", "step unknown"]


def test_packages_have_an_environment() -> None:
    (section,) = view(replace(DRIFTED, changes=(NUMPY,))).sections
    (table,) = section.tables
    (row,) = table.rows

    assert table.has_environment
    assert (row.name, plain(row.old), plain(row.new), row.environment) == (
        "numpy",
        "2.4.5",
        "2.4.6",
        "base",
    )


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://numpy.org/news/", True),
        ("javascript:alert(1)", False),
        ("https://x.example/a b", False),
        (None, False),
    ],
)
def test_a_package_links_to_web_addresses_only(url: str | None, is_link: bool) -> None:
    (section,) = view(replace(DRIFTED, changes=(replace(NUMPY, link=url),))).sections

    assert section.tables[0].rows[0].link == (url if is_link else None)


def test_packages_that_moved_in_several_flows_are_shown_once() -> None:
    other = replace(DRIFTED, case="big")
    packages = view_page(report_of(DRIFTED, other)).packages

    assert packages is not None
    ((row,),) = (table.rows for table in packages.tables)
    assert (row.name, row.environment, row.remarks) == ("numpy", "base", ("patch", "2 flows"))
    assert view_page(report_of(DRIFTED)).packages is None


def test_the_page_has_the_next_steps() -> None:
    page = view_page(report_of(DRIFTED))

    assert [step.command for step in page.next_steps] == [
        "pytest --flow-repro flows/train.py",
        "flowrepro review",
    ]


def test_a_platform_difference_is_about_its_environment() -> None:
    system = Change(
        kind="system", change="changed", name="glibc", old="2.36", new="2.41", gated=False
    )
    of_environment = replace(system, environment="base")
    sections = view(replace(DRIFTED, changes=(system, of_environment))).sections

    assert [section.heading for section in sections] == ["Packages and interpreter", "System"]


@pytest.mark.parametrize(
    ("change", "remarks"),
    [
        (replace(NUMPY, change="added", old=None), ("added",)),
        (replace(NUMPY, change="removed", new=None, declared=True), ("declared",)),
        (NUMPY, ("patch",)),
        (
            replace(NUMPY, old="1.9", via=("a", "b", "c", "d")),
            ("major", "required by a, b, c and 1 more"),
        ),
        (replace(SCORE, change="unread"), ("could not be compared",)),
        (CODE, ("changed", "shown only")),
        (
            replace(SCORE, gated=False, within="max 1e-9"),
            ("within tolerance (max 1e-9)", "shown only"),
        ),
    ],
)
def test_remarks_say_what_the_columns_do_not(change: Change, remarks: tuple[str, ...]) -> None:
    (section,) = view(replace(DRIFTED, changes=(change,))).sections

    assert section.tables[0].rows[0].remarks == remarks


@pytest.mark.parametrize(
    ("old", "new", "differing"),
    [
        ("{'a': 1, 'b': 2}", "{'a': 1, 'b': 3}", (["2"], ["3"])),
        ("[1, 2, 3]", "[1, 2, 3, 4]", ([], [", 4"])),
        ("0.91", "0.93", ([], [])),
        ("x, " * 200, "x, " * 199 + "y", ([], [])),
    ],
)
def test_the_pieces_that_differ_are_marked(
    old: str, new: str, differing: tuple[list[str], list[str]]
) -> None:
    (section,) = view(replace(DRIFTED, changes=(replace(SCORE, old=old, new=new),))).sections
    row = section.tables[0].rows[0]

    assert (marked(row.old), marked(row.new)) == differing
    assert (plain(row.old), plain(row.new)) == (old, new)
