"""The plugin while `--flow-repro` is on: it collects flows, gathers results and reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from pytest_flowrepro import __version__
from pytest_flowrepro.plugin.collection import Collection, project_of
from pytest_flowrepro.plugin.flow_reports import flow_reports, unused_patterns
from pytest_flowrepro.plugin.item_reports import (
    attach_result,
    attached_result,
    failed_reports,
    failure_reason,
    final_result,
)
from pytest_flowrepro.plugin.items import SESSION, PartItem
from pytest_flowrepro.plugin.session import Session, Update
from pytest_flowrepro.plugin.session_results import SessionResults
from pytest_flowrepro.plugin.terminal import Line, flow_lines, write_lines
from pytest_flowrepro.plugin.termination import end_workers, raise_on_termination, register_worker
from pytest_flowrepro.plugin.worker_store import Collected, SessionFolder
from pytest_flowrepro.report import FORMATS, write_report
from pytest_flowrepro.settings.reader import read_settings
from pytest_flowrepro.support.cache_cleanup import use_caches
from pytest_flowrepro.support.disk import naming_full_disk
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.project_folders import forget_modules
from pytest_flowrepro.support.temporary_folder import (
    hold_folder,
    make_folder,
    remove_dead_folders,
    remove_folder,
)
from pytest_flowrepro.support.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from pytest_flowrepro.model import FlowReport
    from pytest_flowrepro.plugin.results import PartId, PartResult

_WORKER_KEY = "flowrepro_folder"
_DAY_KEY = "flowrepro_today"
_PASSED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
_OWN_LISTS = ("terminalreporter", "session", "dsession", "lfplugin", "nfplugin", "stepwiseplugin")
"""Plugins of pytest and xdist that count reports, or remember them for the next session."""
_SELECTING = ("keyword", "markexpr", "deselect", "lf")
"""pytest's options that deselect tests."""


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class FlowReproPlugin:
    config: pytest.Config
    session: Session
    collection: Collection
    is_worker: bool
    held: IO[bytes] | None
    """The lock that keeps other sessions from removing the folder."""
    put_signals_back: Callable[[], None]
    caches: IO[bytes] | None = None
    """The lock on the caches, open while this session uses them."""
    results: SessionResults = field(default_factory=SessionResults)
    reports: tuple[FlowReport, ...] = ()
    _written: list[Line] = field(default_factory=list)
    """Lines for the terminal about the files of the reports."""
    _is_summarised: bool = False
    _idle: tuple[str, ...] = ()
    """The project's patterns that no flow needed."""
    _unfinished: set[tuple[str, str, str | None]] = field(default_factory=set)
    """File, name and case of the flows with a test that did not run."""

    @classmethod
    def of(cls, config: pytest.Config) -> FlowReproPlugin:
        """Return the plugin of this process; raise `pytest.UsageError` for invalid options."""
        forget_modules()
        try:
            project = project_of(config)
        except FlowReproError as error:
            raise pytest.UsageError(str(error)) from error
        session = _session(config, project.root)
        collection = Collection.of(config, session, project)
        config.pluginmanager.register(collection, "flowrepro-collection")
        config.stash[SESSION] = session
        config.addinivalue_line("markers", "flowrepro: one part of a Metaflow flow")
        if hasattr(config, "workerinput"):
            register_worker(session.folder.path)
        return cls(
            config=config,
            session=session,
            collection=collection,
            is_worker=hasattr(config, "workerinput"),
            held=None if config.option.flow_repro_keep else hold_folder(session.folder.path),
            put_signals_back=raise_on_termination(),
            caches=use_caches(),
        )

    # --- collection -------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        parts = [item for item in session.items if isinstance(item, PartItem)]
        for part in parts:
            self.session.selected.setdefault(part.job.folder, []).append(part.name)
        self._select(parts)
        self._warn_of_unknown_flows()
        self._warn_of_suspects()

    def _select(self, parts: Iterable[PartItem]) -> None:
        """Register the tests that must have a result; a worker passes them to the controller."""
        if self.config.option.collectonly:
            return
        selected = tuple(part.identity for part in parts)
        if self.is_worker:
            worker = self.config.workerinput["workerid"]  # type: ignore[attr-defined]
            collected = Collected(parts=selected, files=self.collection.files)
            self.session.folder.leave_collection(worker, collected)
        else:
            self.results.select(selected)

    def _warn_of_suspects(self) -> None:
        """Warn of files that seem to start a flow; named files are errors already."""
        if getattr(self.config, "workerinput", {"workerid": "gw0"})["workerid"] == "gw0":
            for suspect in self.session.suspects:
                self._warn(str(suspect.error()))

    def _warn(self, text: str) -> None:
        try:
            self.config.issue_config_time_warning(pytest.PytestConfigWarning(text), 2)
        except pytest.PytestConfigWarning as error:  # under -W error
            raise pytest.UsageError(text) from error

    def _warn_of_unknown_flows(self) -> None:
        """Warn of settings of unknown flows, but only if the whole project was collected."""
        everything = not self.collection.are_paths_given
        worker = getattr(self.config, "workerinput", {"workerid": "gw0"})["workerid"]
        if not everything or worker != "gw0":
            return
        known = {flow.name for flow in self.session.collected}
        for name in sorted(set(self.session.settings.by_flow) - known):
            meant = did_you_mean(name, known)
            self._warn(f"tool.flowrepro.flow.{name}: unknown flow{meant}")

    # --- results ----------------------------------------------------------------------

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

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Let every worker of xdist write to the controller's folder."""
        node.workerinput[_WORKER_KEY] = str(self.session.folder.path)
        node.workerinput[_DAY_KEY] = self.session.today.isoformat()

    def pytest_keyboard_interrupt(self) -> None:
        if not self.is_worker:
            end_workers(self.session.folder.path)

    # --- reporting --------------------------------------------------------------------

    def pytest_report_header(self) -> str:
        how = {"no": "check", "new": "record what is new", "all": "record"}[self.session.update]
        return f"flowrepro: {__version__}, {how}, by {self.session.installer}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write the reports before other plugins write theirs, also after an interruption."""
        is_reporting = not self.is_worker and not self.config.option.collectonly
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
        if self.config.pluginmanager.hasplugin("dsession"):
            collected = self.session.folder.collected()
            self.results.select(part for worker in collected for part in worker.parts)
            if not any(worker.files for worker in collected) and session.exitstatus in _PASSED:
                self._written.append(Line(self.collection.nothing_found(), "red"))
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
        missing = self.results.missing()
        results = self.results.all(ended=str(session.shouldfail or session.shouldstop or ""))
        self.reports = flow_reports(results, fresh=self.session.fresh)
        self._idle = unused_patterns(results)
        self._unfinished = {part.flow_key for part in missing}
        self._publish({part: results[part] for part in results if not self.results.has(part)})
        if missing and session.exitstatus in _PASSED:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        try:
            self._written += self._write_reports(self.reports)
        except FlowReproError as error:
            self._written.append(Line(f"ERROR: {error}", "red"))
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self._is_summarised = True
        if self.reports:
            terminalreporter.section("flow-repro")
        for report in self.reports:
            is_unfinished = (report.file, report.flow, report.case) in self._unfinished
            details = self.session.details
            lines = flow_lines(report, is_unfinished=is_unfinished, details=details)
            write_lines(terminalreporter, lines)
        write_lines(terminalreporter, (*self._unused_patterns(), *self._written))
        if self.config.option.flow_repro_keep:
            terminalreporter.write_line(f"working directories: {self.session.folder.path}")

    def _publish(self, results: Mapping[PartId, PartResult]) -> None:
        """Pass results that no test reported to other plugins, above all to JUnit XML.

        The terminal has one line for a flow, and `--lf` still remembers the tests that failed.
        """
        manager = self.config.pluginmanager
        others = [self, *map(manager.getplugin, _OWN_LISTS)]
        publish = manager.subset_hook_caller("pytest_runtest_logreport", filter(None, others))
        for part, result in results.items():
            for report in failed_reports(part, result):
                publish(report=report)

    def _unused_patterns(self) -> Iterator[Line]:
        """Yield notes about patterns that no flow needed, but only if every flow ran."""
        selecting = (self.config.getoption(name, default=None) for name in _SELECTING)
        for pattern in () if self.collection.are_paths_given or any(selecting) else self._idle:
            text = f"note: tool.flowrepro.{pattern} matched nothing; consider removing it"
            yield Line(text, "yellow")

    def _write_reports(self, reports: tuple[FlowReport, ...]) -> list[Line]:
        lines = []
        for form, render in FORMATS.items():
            path = self.config.getoption(f"flow_repro_{form}")
            if path is not None:
                write_report(Path(path), render(reports, details=self.session.details))
                lines.append(Line(f"wrote {path}"))
        return lines

    def pytest_unconfigure(self) -> None:
        if self.caches is not None:
            self.caches.close()
        if not self.is_worker and not self.config.option.flow_repro_keep:
            remove_folder(self.session.folder.path)
        if self.held is not None:
            self.held.close()
        self.put_signals_back()


def _session(config: pytest.Config, root: Path) -> Session:
    option = config.option
    try:
        settings = read_settings(root)
        flow_files = settings.flow_files()
    except FlowReproError as error:
        raise pytest.UsageError(str(error)) from error
    if option.flow_repro_timeout is not None and not option.flow_repro_timeout > 0:
        raise pytest.UsageError("--flow-repro-timeout: pass a number of seconds above 0")
    update: Update = "new" if option.flow_repro_update_new else "no"
    if option.flow_repro_update:
        update = "all"
    fresh = option.flow_repro_env == "fresh"
    if fresh and update != "no":
        raise pytest.UsageError("--flow-repro-env fresh: recording always uses a fresh resolution")
    as_of = None
    if option.flow_repro_as_of is not None:
        if update == "no" and not fresh:
            raise pytest.UsageError(
                "--flow-repro-as-of: a check does not resolve; pass it with --flow-repro-update "
                "or --flow-repro-env fresh"
            )
        try:
            as_of = date.fromisoformat(option.flow_repro_as_of)
        except ValueError as error:
            raise pytest.UsageError(f"--flow-repro-as-of: {error}; write YYYY-MM-DD") from error
    return Session(
        root=root,
        settings=settings,
        folder=SessionFolder(_folder(config)),
        today=_today(config),
        update=update,
        installer=option.flow_repro_installer or "uv",
        timeout=option.flow_repro_timeout,
        as_of=as_of,
        fresh=fresh,
        progress=_progress(config),
        flow_files=flow_files,
        details=option.flow_repro_details,
    )


def _today(config: pytest.Config) -> date:
    """Return the day in UTC; on a worker, that of the controller."""
    given = getattr(config, "workerinput", {}).get(_DAY_KEY)
    return date.fromisoformat(given) if given else datetime.now(UTC).date()


def _folder(config: pytest.Config) -> Path:
    """Return the session's folder, which the controller creates and its workers share."""
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        return Path(worker_input[_WORKER_KEY])
    remove_dead_folders()
    try:
        with naming_full_disk():
            return make_folder()
    except FlowReproError as error:
        raise pytest.UsageError(str(error)) from error


def _progress(config: pytest.Config) -> Callable[[str], None]:
    """Return a function that writes a line to a terminal at once, past pytest's capturing."""

    def write(text: str) -> None:
        # Looked up late: this plugin is configured before the terminal's.
        reporter = config.pluginmanager.getplugin("terminalreporter")
        capture = config.pluginmanager.getplugin("capturemanager")
        if reporter is not None and capture is not None and reporter.isatty:
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(f"  {text}", light=True)
                reporter.flush()

    return write
