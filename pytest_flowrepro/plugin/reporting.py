"""The results of a session: gathered from its tests, written as reports and to the terminal."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_flowrepro.model import Report
from pytest_flowrepro.plugin import REPORTS
from pytest_flowrepro.plugin.flow_reports import (
    flow_reports,
    has_silent_failure,
    unused_patterns,
)
from pytest_flowrepro.plugin.item_reports import (
    attach_result,
    attached_result,
    failed_reports,
    failure_reason,
    final_result,
)
from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.last_times import keep_times
from pytest_flowrepro.plugin.obsolete import (
    obsolete_lines,
    reported,
)
from pytest_flowrepro.plugin.selection import selecting_options, selection, selects_all
from pytest_flowrepro.plugin.session_results import SessionResults
from pytest_flowrepro.plugin.shards import shard_line
from pytest_flowrepro.plugin.terminal import (
    Line,
    kept_locks,
    summary_lines,
    write_lines,
    written_in_ci,
)
from pytest_flowrepro.plugin.worker_input import is_worker, worker_id
from pytest_flowrepro.plugin.worker_store import Collected
from pytest_flowrepro.report.text import inert, unused_pattern
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from pytest_flowrepro.model import FlowReport, Obsolete, Shard
    from pytest_flowrepro.pipeline import ObsoleteBaseline
    from pytest_flowrepro.plugin.collection import Collection
    from pytest_flowrepro.plugin.results import PartId, PartResult
    from pytest_flowrepro.plugin.session import SessionState
    from pytest_flowrepro.plugin.shards import Sharding

_PASSED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
_FINISHED = (*_PASSED, pytest.ExitCode.TESTS_FAILED)
_OWN_LISTS = ("terminalreporter", "session", "dsession", "lfplugin", "nfplugin", "stepwiseplugin")
"""Plugins of pytest and xdist that count reports, or remember them for the next session."""


@dataclass(kw_only=True, eq=False)  # hashable: pytest keeps plugins in sets
class Reporting:
    """The hooks about the results of tests."""

    config: pytest.Config
    session: SessionState
    collection: Collection
    sharding: Sharding | None = None
    """None if the session checks all flows that it selects."""
    results: SessionResults = field(default_factory=SessionResults)
    flows: tuple[FlowReport, ...] = ()
    _written: list[Line] = field(default_factory=list)
    """Lines for the terminal about the files of the reports."""
    _is_summarised: bool = False
    _unused_patterns: tuple[str, ...] = ()
    """The project's patterns that no flow needed; empty if not every flow ran."""
    _obsolete: tuple[Obsolete, ...] = ()
    """The obsolete baselines that are still there."""
    _unfinished: set[tuple[str, str, str | None]] = field(default_factory=set)
    """File, name and case of the flows with a test that did not run."""
    _deselected: int = 0
    """The number of tests that this process left out."""
    _shard: Shard | None = None

    # --- results of tests -------------------------------------------------------------

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected += len(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Register the tests that must have a result; a worker passes them to the controller."""
        items = [item for item in session.items if isinstance(item, PartItem)]
        if self.config.option.collectonly:
            return
        for item in items:
            item.flow_check.selected.append(item.name)
        parts = tuple(item.identity for item in items)
        worker = worker_id(self.config)
        if worker is None:
            self.results.select(parts)
        else:
            collected = Collected(
                parts=parts,
                files=self.collection.files,
                deselected=self._deselected,
                unchanged=self.collection.unchanged,
                shard=self.sharding.shard if self.sharding else None,
            )
            self.session.folder.leave_collection(worker, collected)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if isinstance(item, PartItem):
            try:
                result = final_result(report, item.result)
            except Exception as error:  # noqa: BLE001  never reproduced by a fault of ours
                result = item.broken(error)
                report.outcome, report.longrepr = "failed", result.failure
            if result is not None:
                attach_result(report, item.identity, result)
            if report.skipped and item.skip_place is not None:
                report.longrepr = item.skip_place  # pytest would name a line of this plugin
        return report

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.results.start(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        attached = attached_result(report)
        if attached is not None:
            self.results.add(*attached)
        elif report.failed:
            self.results.fail(report.nodeid, failure_reason(report))
        elif report.skipped:
            self.results.skip(report.nodeid)

    # --- reports of the session -------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write the reports before other plugins write theirs, also after an interruption."""
        is_reporting = not is_worker(self.config) and not self.config.option.collectonly
        if is_reporting:
            self._finish(session)
        result = yield
        # pytest prints no summary of a session that ended in an internal error of its own, or in
        # `pytest.exit` with another status.
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        is_shown = self._is_summarised or self.config.option.no_summary
        if is_reporting and reporter is not None and not is_shown:
            self.pytest_terminal_summary(reporter)
        return result

    def _finish(self, session: pytest.Session) -> None:
        """Set the reports and write their files; a session with a gap in its results fails."""
        self._shard = self.sharding.shard if self.sharding else None
        if self.config.pluginmanager.hasplugin("dsession"):
            collected = self.session.folder.collected()
            self._take_over(collected)
            self.results.select(part for worker in collected for part in worker.parts)
            self.collection.unchanged = max((worker.unchanged for worker in collected), default=0)
            if not any(worker.files for worker in collected) and session.exitstatus in _PASSED:
                self._written.append(Line(self.collection.nothing_found(), "red"))
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
        self._settle_unchanged(session)
        missing = self.results.missing()
        ended = str(session.shouldfail or session.shouldstop or "")
        results = self.results.all(ended=ended or self.collection.ended)
        self.flows = flow_reports(results, fresh=self.session.options.fresh)
        keep_times(self.config, self.session.options.update, self.flows)
        self._unused_patterns = unused_patterns(results) if self._is_whole() else ()
        self._unfinished = {part.flow_key for part in missing}
        self._settle_obsolete(session, is_complete=not missing)
        self._settle_shard(session, unused_patterns(results), is_complete=not missing)
        self._publish({part: results[part] for part in results if not self.results.has(part)})
        if (missing or has_silent_failure(results)) and session.exitstatus in _PASSED:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        try:
            self._written += self._write_reports()
        except FlowReproError as error:
            self._report_error(session, error)

    def _take_over(self, collected: Sequence[Collected]) -> None:
        """Take what each worker of xdist knows of the collection, which the controller lacks."""
        for worker in collected[:1]:
            self._shard = worker.shard
            reporter = self.config.pluginmanager.getplugin("terminalreporter")
            if worker.deselected and reporter is not None:
                # As pytest counts them; their number is all that it shows. Other plugins look for
                # attributes of each, which None cannot have.
                others = (SimpleNamespace() for _ in range(worker.deselected))
                reporter.stats.setdefault("deselected", []).extend(others)

    def _settle_unchanged(self, session: pytest.Session) -> None:
        """Say how many flows were left out because nothing changed; all of them is a success."""
        if number := self.collection.unchanged:
            since = inert(self.config.option.flow_repro_changed_since)
            self._written.append(Line(f"{counted(number, 'flow')} unchanged since {since}"))
            if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
                session.exitstatus = pytest.ExitCode.OK

    def _report_error(self, session: pytest.Session, error: FlowReproError) -> None:
        self._written.append(Line(f"ERROR: {error}", "red"))
        session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _settle_obsolete(self, session: pytest.Session, *, is_complete: bool) -> None:
        """Name obsolete baselines; a complete recording of the whole project deletes them."""
        if not is_complete or not self._is_whole() or session.exitstatus not in _FINISHED:
            return
        from pytest_flowrepro.pipeline import obsolete_baselines, remove_obsolete  # noqa: PLC0415  not for collecting

        options = self.session.options
        obsolete = obsolete_baselines(options.root, options.settings)
        removed: list[ObsoleteBaseline] = []
        if options.update == "all" and session.exitstatus in _PASSED:
            try:
                removed.extend(remove_obsolete(obsolete))
            except FlowReproError as error:
                self._report_error(session, error)
        gone = (inert(f"removed {reported(baseline, options).text}") for baseline in removed)
        self._written += (Line(text, "yellow") for text in gone)
        left = [baseline for baseline in obsolete if baseline not in removed]
        self._obsolete = tuple(reported(baseline, options) for baseline in left)
        self._written += obsolete_lines(self._obsolete, options)
        if left and options.strict and session.exitstatus in _PASSED:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _settle_shard(
        self, session: pytest.Session, unused: tuple[str, ...], *, is_complete: bool
    ) -> None:
        """Add what the merged report of all shards says of the project; a shard may be empty."""
        shard, options = self._shard, self.session.options
        if shard is None:
            return
        if shard.flows and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
        is_known = is_complete and session.exitstatus in _FINISHED
        if is_known and not self.collection.is_part and selects_all(self.config):
            from pytest_flowrepro.pipeline import obsolete_baselines  # noqa: PLC0415  as above

            obsolete = obsolete_baselines(options.root, options.settings)
            self._shard = replace(
                shard,
                obsolete=tuple(reported(baseline, options) for baseline in obsolete),
                unused_patterns=unused,
                strict=options.strict,
            )

    def _is_whole(self) -> bool:
        """Return whether the session selected every test of every flow of the project."""
        return not self.collection.is_part and not selecting_options(self.config)

    def _publish(self, results: Mapping[PartId, PartResult]) -> None:
        """Pass results that no test reported to other plugins, above all to JUnit XML.

        The terminal has one line for a flow, and `--lf` still remembers the tests that failed.
        """
        manager = self.config.pluginmanager
        excluded = [self, *map(manager.getplugin, _OWN_LISTS)]
        publish = manager.subset_hook_caller("pytest_runtest_logreport", filter(None, excluded))
        for part, result in results.items():
            for report in failed_reports(part, result):
                publish(report=report)

    def _report(self) -> Report:
        """Return the results of the finished session and its circumstances.

        Not a property: until 8.4, pytest reads every attribute of a plugin when a session starts.
        """
        options = self.session.options
        is_check = options.update == "no"
        from pytest_flowrepro.report.run_info import run_info  # noqa: PLC0415

        run = run_info(options.root, "check" if is_check else "record")
        # A recording keeps locks where it can: its notes say where it could not.
        resolution: Literal["locked", "fresh"] | None = "locked" if is_check else None
        return Report(
            flows=self.flows,
            run=replace(
                run,
                resolution="fresh" if options.fresh else resolution,
                selection=selection(self.config),
            ),
            obsolete=self._obsolete,
            unused_patterns=self._unused_patterns,
            uncollected=self.collection.uncollected,
            shard=self._shard,
        )

    def _write_reports(self) -> list[Line]:
        paths = {form: self.config.getoption(f"flow_repro_{form}") for form in REPORTS}
        wanted = {form: path for form, path in paths.items() if path is not None}
        has_step_summary = self.config.option.flow_repro_step_summary
        plugins = self.config.pluginmanager.get_plugins()
        junit = [plugin for plugin in plugins if hasattr(plugin, "add_global_property")]
        if not wanted and not has_step_summary and not junit:
            return []
        # Only for a report, as the formats and what they need are large.
        from pytest_flowrepro.report import FORMATS, suite_properties, write_report  # noqa: PLC0415

        lines, report = [], self._report()
        for plugin in junit:
            # As `record_testsuite_property` does, which is a fixture, and so for tests only.
            for name, value in suite_properties(report):
                plugin.add_global_property(name, value)
        for form, path in wanted.items():
            text = FORMATS[form](report, details=self.session.options.details)
            write_report(Path(path), text)
            lines.append(Line(f"wrote {path}"))
        if has_step_summary:
            lines.append(self._append_step_summary(report))
        return lines

    def _append_step_summary(self, report: Report) -> Line:
        """Append the report to the file that GitHub shows as the summary of the step.

        https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary
        """
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        if not path:
            return Line("no step summary was written: GITHUB_STEP_SUMMARY is not set", "yellow")
        from pytest_flowrepro.report import append_report, render_markdown  # noqa: PLC0415

        text = render_markdown(report, details=self.session.options.details)
        append_report(Path(path), text)
        return Line("appended the report to the step summary")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self._is_summarised = True
        if self.flows or self.collection.uncollected or self._shard:
            terminalreporter.write_sep("=", "flow-repro")
        lines = (
            *self._sharded(),
            *self._summary(),
            *self._review(),
            *self._recorded(),
            *self._unused(),
        )
        write_lines(terminalreporter, (*lines, *self._written))
        if self.session.options.keep:
            terminalreporter.write_line(f"working directories: {self.session.folder.path}")

    def _sharded(self) -> Iterator[Line]:
        options = self.session.options.shard
        if options is not None and self._shard is not None:
            yield Line(inert(shard_line(options, self._shard)))

    def _summary(self) -> Iterator[Line]:
        yield from summary_lines(
            self.flows,
            unfinished=self._unfinished,
            uncollected=self.collection.uncollected,
            is_full=self.session.options.details or self.config.option.verbose > 0,
            details=self.session.options.details,
        )

    def _review(self) -> Iterator[Line]:
        """Yield the command that accepts a drift, if the check of a drifted flow was kept.

        A check without a rerun keeps nothing: which artifacts follow is not known.
        """
        drifted = [report for report in self.flows if report.verdict == "drifted"]
        if not drifted:
            return
        from pytest_flowrepro.baseline import baseline_folder  # noqa: PLC0415  only for a drift
        from pytest_flowrepro.report.findings import file_arguments  # noqa: PLC0415
        from pytest_flowrepro.review.last_check import kept_checks  # noqa: PLC0415

        root = self.session.options.root
        rerun = [report for report in drifted if report.is_rerun]
        kept = set(kept_checks(root)) if rerun else set()
        if any(baseline_folder(root / r.file, r.flow, r.case) in kept for r in rerun):
            yield Line("review these changes without a rerun: `flowrepro review`")
        elif not rerun:
            option = " --flow-repro-env=fresh" if self.session.options.fresh else ""
            command = f"pytest --flow-repro{option}{file_arguments(drifted)}"
            yield Line(inert(f"nothing was rerun; to review these changes, run `{command}` first"))

    def _recorded(self) -> Iterator[Line]:
        """Yield what holds for all recordings of the session."""
        options = self.session.options
        if not options.fresh and options.as_of is None:
            yield from kept_locks(self.flows)
        yield from written_in_ci(self.flows, os.environ)

    def _unused(self) -> Iterator[Line]:
        for pattern in self._unused_patterns:
            yield Line(f"note: {inert(unused_pattern(pattern))}", "yellow")
