"""The reports of several sessions, such as shards, merged into one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pytest_flowrepro.model import FlowReport, Report
from pytest_flowrepro.report.text import title
from pytest_flowrepro.support.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_flowrepro.model import RunInfo

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedReport:
    """A report, and the file that it was read from."""

    name: str
    report: Report


def merge_reports(named: Sequence[NamedReport]) -> Report:
    """Return the report of all sessions together, in any order; there is at least one.

    A report that is there twice counts once. A flow that no shard checked is an error in it, as a
    test is that did not run. Raises `ReportError` for reports that do not belong together.
    """
    # By the content: the file of one report may match two patterns of a shell, or be a copy.
    distinct = list({each.report: each for each in reversed(named)}.values())
    distinct.sort(
        key=lambda each: (each.report.shard.number if each.report.shard else 0, each.name)
    )
    _check_alike(distinct)
    reports = [each.report for each in distinct]
    missing = missing_shards(reports)
    flows = (*_flows(distinct), *_unchecked(reports, missing))
    uncollected = {file for report in reports for file in report.uncollected}
    facts = [report.shard or report for report in reports]
    # A shard without flows does not know which patterns were needed.
    of_flows = [fact for fact, report in zip(facts, reports, strict=True) if report.flows]
    return Report(
        flows=tuple(sorted(flows, key=lambda flow: (flow.file, flow.flow, flow.case or ""))),
        run=_merged_run(reports, is_complete=not missing),
        obsolete=() if missing else _common([fact.obsolete for fact in facts]),
        unused_patterns=()
        if missing
        else _common([fact.unused_patterns for fact in of_flows or facts]),
        uncollected=tuple(sorted(uncollected, key=lambda file: (file.file, file.error))),
    )


def _order(named: NamedReport) -> tuple[int, str]:
    shard = named.report.shard
    return shard.number if shard else 0, named.name


def missing_shards(reports: Sequence[Report]) -> tuple[int, ...]:
    """Return the numbers of the shards that have no report."""
    shards = [report.shard for report in reports if report.shard is not None]
    numbers = {shard.number for shard in shards}
    return tuple(n for n in range(1, shards[0].count + 1) if n not in numbers) if shards else ()


def _check_alike(named: Sequence[NamedReport]) -> None:
    """Raise `ReportError` for reports that are not of one project, commit and kind of session."""
    first = named[0]
    for other in named:
        if other.report.run.command == "diff":
            raise ReportError(
                f"{other.name}: the report of `flowrepro diff`, which cannot be merged",
                hint="pass the JSON reports of pytest --flow-repro",
            )
        for fact, value in _facts(other.report).items():
            expected = _facts(first.report)[fact]
            if value != expected:
                raise ReportError(
                    f"{other.name}: its {fact} is {value}, and that of {first.name} is {expected}",
                    hint="pass the reports of sessions that differ only in the flows that they "
                    "selected",
                )
    by_number: dict[int, str] = {}
    for each in named:
        if (shard := each.report.shard) is not None:
            same = by_number.setdefault(shard.number, each.name)
            if same != each.name:
                raise ReportError(
                    f"{same} and {each.name} are different reports of shard {shard.number} of "
                    f"{shard.count}",
                    hint="pass the report of the last run of each shard",
                )


def _facts(report: Report) -> dict[str, str]:
    """Return what all reports of one merge have in common."""
    run = report.run
    return {
        "command": run.command,
        "commit": run.commit or "unknown",
        "folder in the repository": run.folder or ".",
        "resolution of packages": run.resolution or "that of a recording",
        "number of shards": str(report.shard.count) if report.shard else "not given",
    }


def _flows(named: Sequence[NamedReport]) -> Iterator[FlowReport]:
    seen: dict[str, str] = {}
    for each in named:
        for flow in each.report.flows:
            same = seen.setdefault(title(flow), each.name)
            if same != each.name:
                raise ReportError(
                    f"{same} and {each.name} both have {title(flow)}",
                    hint="select each flow in one session; pass the same --flow-repro-shard-times "
                    "to all shards",
                )
            yield flow


def _unchecked(reports: Sequence[Report], missing: tuple[int, ...]) -> Iterator[FlowReport]:
    """Yield the flows that were to be in a shard, and are in no report."""
    checked = {title(flow) for report in reports for flow in report.flows}
    shards = [report.shard for report in reports if report.shard is not None]
    for flow in dict.fromkeys(replace(f, shard=0) for shard in shards for f in shard.flows):
        report = FlowReport(
            file=flow.file,
            flow=flow.flow,
            case=flow.case,
            verdict="error",
            seconds=(),
            changes=(),
        )
        if title(report) not in checked:
            yield replace(report, error=str(_unchecked_error(missing, shards[0].count)))


def _unchecked_error(missing: tuple[int, ...], count: int) -> ReportError:
    if missing:
        names = f"shard {missing[0]} of {count}"
        if missing[1:]:
            names = f"shards {', '.join(map(str, missing))} of {count}"
        return ReportError(
            f"Not checked: the report of {names} is missing",
            hint="run it again, and pass its report, too",
        )
    return ReportError(
        "Not checked by any shard: the shards did not select or split the flows alike",
        hint="pass the same options and the same --flow-repro-shard-times to all of them",
    )


def _merged_run(reports: Sequence[Report], *, is_complete: bool) -> RunInfo:
    """Return the common circumstances; where they differ, all of them."""
    runs = [report.run for report in reports]
    branches = {run.branch for run in runs}
    # Nothing is left out by shards that are all there.
    left_out = {
        f"--flow-repro-shard {report.shard.number}/{report.shard.count}"
        for report in reports
        if report.shard is not None and is_complete
    }
    selection = dict.fromkeys(option for run in runs for option in run.selection)
    return replace(
        runs[0],
        version=_joined(run.version for run in runs),
        date=max(run.date for run in runs),
        platform=_joined(run.platform for run in runs),
        python=_joined(run.python for run in runs),
        branch=runs[0].branch if len(branches) == 1 else None,
        is_modified=any(run.is_modified for run in runs),
        selection=tuple(option for option in selection if option not in left_out),
    )


def _joined(texts: Iterator[str]) -> str:
    return ", ".join(sorted(set(texts)))


def _common(values: Sequence[tuple[T, ...]]) -> tuple[T, ...]:
    """Return the items that all tuples have, in the order of the first."""
    return tuple(item for item in values[0] if all(item in others for others in values))
