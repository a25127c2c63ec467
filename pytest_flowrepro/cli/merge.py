"""`flowrepro merge-reports`: the JSON reports of several sessions as one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.cli.answer import Answer
from pytest_flowrepro.cli.completion import complete_paths
from pytest_flowrepro.model import PASSING
from pytest_flowrepro.report import (
    render_gitlab,
    render_html,
    render_json,
    render_markdown,
    render_sarif,
    render_text,
    write_report,
)
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    import argparse

    from pytest_flowrepro.model import Report

FORMATS = {
    "text": render_text,
    "markdown": render_markdown,
    "json": render_json,
    "html": render_html,
    "sarif": render_sarif,
    "gitlab": render_gitlab,
}


def add_merge_arguments(parser: argparse.ArgumentParser) -> None:
    complete_paths(
        parser.add_argument(
            "files", metavar="REPORT", nargs="+", help="a JSON report of pytest --flow-repro"
        )
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="text")
    complete_paths(
        parser.add_argument(
            "--output", metavar="FILE", help="write the report to FILE instead of stdout"
        )
    )
    parser.add_argument(
        "--details",
        action="store_true",
        help="show every task and step, and when and where this ran",
    )
    parser.add_argument(
        "--exit-zero", action="store_true", help="exit with 0 although a flow failed"
    )
    parser.set_defaults(command=merge_files)


def merge_files(args: argparse.Namespace) -> Answer:
    """Return the merged report, or write it to a file.

    The exit code is 1 if a flow failed or was not checked, a file was not collected, a shard is
    missing, or a shard with --flow-repro-strict has an obsolete baseline. Raises `FlowReproError`
    for files that are not reports, or not of one project.
    """
    from pytest_flowrepro.report.json_reader import read_report  # noqa: PLC0415  only this command needs it
    from pytest_flowrepro.report.merge import (  # noqa: PLC0415  as above
        NamedReport,
        merge_reports,
        missing_shards,
    )

    named = [NamedReport(name=file, report=read_report(Path(file))) for file in args.files]
    report = merge_reports(named)
    text = FORMATS[args.format](report, details=args.details)
    if args.output is not None:
        write_report(Path(args.output), text)
        text = ""
    reports = [each.report for each in named]
    missing = missing_shards(reports)
    is_strict = any(part.shard.strict for part in reports if part.shard is not None)
    is_failed = bool(missing) or _has_failed(report, is_strict=is_strict)
    numbers = ", ".join(map(str, missing))
    return Answer(
        text=text,
        exit_code=int(is_failed and not args.exit_zero),
        remark=f"flowrepro: {counted(len(missing), 'shard')} missing: {numbers}" if missing else "",
    )


def _has_failed(report: Report, *, is_strict: bool) -> bool:
    return (
        any(flow.verdict not in PASSING for flow in report.flows)
        or bool(report.uncollected)
        or (is_strict and bool(report.obsolete))
    )
