"""The plugin while `--flow-repro` is on: collects flows, gathers results, reports."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.caches import use_caches
from pytest_flowrepro.collection import Collection, project_of
from pytest_flowrepro.disk import naming_full_disk
from pytest_flowrepro.errors import FlowReproError
from pytest_flowrepro.items import SESSION, PartItem
from pytest_flowrepro.local_modules import forget_modules
from pytest_flowrepro.outcomes import SessionFolder
from pytest_flowrepro.report import (
    FORMATS,
    changes_lines,
    started_at,
    summary_line,
    write_report,
)
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.results import flow_reports, idle_patterns
from pytest_flowrepro.session import Session, Update
from pytest_flowrepro.settings import read_settings
from pytest_flowrepro.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from pytest_flowrepro.model import FlowReport

_WORKER_KEY = "flowrepro_folder"
_CHOOSING = ("keyword", "markexpr", "deselect", "lf")
"""pytest's options that leave tests out."""


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class FlowReproPlugin:
    config: pytest.Config
    session: Session
    collection: Collection
    is_worker: bool
    caches: IO[bytes] | None = None
    """Open while this session uses them."""
    results: list[dict[str, Any]] = field(default_factory=list)
    """One per test, in the order in which the tests were reported."""

    @classmethod
    def of(cls, config: pytest.Config) -> FlowReproPlugin:
        """The plugin of this process; raises `pytest.UsageError` for options that make no sense."""
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
        return cls(
            config=config,
            session=session,
            collection=collection,
            is_worker=hasattr(config, "workerinput"),
            caches=use_caches(),
        )

    # --- collection -------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        parts = (item for item in session.items if isinstance(item, PartItem))
        self.session.selected.update(part.job.folder for part in parts)
        self._tell_settings_of_no_flow()
        self._tell_suspects()

    def _tell_suspects(self) -> None:
        """Warn of files that seem to start a flow; those that were named are errors already."""
        if getattr(self.config, "workerinput", {"workerid": "gw0"})["workerid"] == "gw0":
            for suspect in self.session.suspects:
                self._warn(str(suspect.error()))

    def _warn(self, text: str) -> None:
        try:
            self.config.issue_config_time_warning(pytest.PytestConfigWarning(text), 2)
        except pytest.PytestConfigWarning as error:  # under -W error
            raise pytest.UsageError(text) from error

    def _tell_settings_of_no_flow(self) -> None:
        """Where everything was collected; else the flow may lie in what was not."""
        everything = not self.collection.are_paths_given
        worker = getattr(self.config, "workerinput", {"workerid": "gw0"})["workerid"]
        if not everything or worker != "gw0":
            return
        found = {flow.name for flow in self.session.collected}
        for name in sorted(set(self.session.settings.by_flow) - found):
            meant = did_you_mean(name, found)
            self._warn(f"tool.flowrepro.flow.{name}: there is no flow of that name{meant}")

    # --- results ----------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        decided = report.when == "call" or (report.when == "setup" and report.failed)
        if decided and isinstance(item, PartItem) and item.result is not None:
            vars(report)["flowrepro"] = item.as_json()
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = vars(report).get("flowrepro")
        if result is not None:
            self.results.append(result)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist: every worker observes into the controller's folder."""
        node.workerinput[_WORKER_KEY] = str(self.session.folder.path)

    # --- reporting --------------------------------------------------------------------

    def pytest_report_header(self) -> str:
        how = {"no": "check", "new": "record what is new", "all": "record"}[self.session.update]
        return f"flowrepro: {version('pytest-flowrepro')}, {how}, by {self.session.installer}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        reports = flow_reports(self.results, fresh=self.session.fresh)
        if reports:
            terminalreporter.section("flow-repro")
            for line in (line for report in reports for line in self._summary(report)):
                terminalreporter.write_line(line)
        for text in self._idle_patterns():
            terminalreporter.write_line(text)
        for text in self._write_reports(reports):
            terminalreporter.write_line(text)
        if self.config.option.flow_repro_keep:
            terminalreporter.write_line(f"working directories: {self.session.folder.path}")

    def _summary(self, report: FlowReport) -> Iterator[str]:
        """A flow's verdict, and what no failure has shown: what is not gated, notes."""
        yield summary_line(report)
        start = started_at(report.changes)
        if start:
            yield f"    started at {start}"
        others = [change for change in report.changes if not change.gated]
        details = self.session.details
        yield from (f"    {line}" for line in changes_lines(others, details=details))
        yield from (f"    {inert(note)}" for note in report.notes)

    def _idle_patterns(self) -> Iterator[str]:
        """Where every flow ran: what the project's patterns say of no flow."""
        chosen = (self.config.getoption(name, default=None) for name in _CHOOSING)
        for pattern in (
            () if self.collection.are_paths_given or any(chosen) else idle_patterns(self.results)
        ):
            yield f"note: tool.flowrepro.{pattern} was of no use to any flow: remove it?"

    def _write_reports(self, reports: tuple[FlowReport, ...]) -> list[str]:
        said = []
        for form, render in FORMATS.items():
            path = self.config.getoption(f"flow_repro_{form}")
            if path is not None:
                try:
                    write_report(Path(path), render(reports, details=self.session.details))
                except FlowReproError as error:
                    raise pytest.UsageError(str(error)) from error
                said.append(f"wrote {path}")
        return said

    def pytest_unconfigure(self) -> None:
        if self.caches is not None:
            self.caches.close()
        if not self.is_worker and not self.config.option.flow_repro_keep:
            shutil.rmtree(self.session.folder.path, ignore_errors=True)


def _session(config: pytest.Config, root: Path) -> Session:
    option = config.option
    try:
        settings = read_settings(root)
        flow_files = settings.flow_files()
    except FlowReproError as error:
        raise pytest.UsageError(str(error)) from error
    if option.flow_repro_timeout is not None and not option.flow_repro_timeout > 0:
        raise pytest.UsageError("--flow-repro-timeout: give a number of seconds above 0")
    update: Update = "new" if option.flow_repro_update_new else "no"
    if option.flow_repro_update:
        update = "all"
    fresh = option.flow_repro_env == "fresh"
    if fresh and update != "no":
        raise pytest.UsageError("--flow-repro-env fresh: recording resolves anew by itself")
    as_of = None
    if option.flow_repro_as_of is not None:
        if update == "no" and not fresh:
            raise pytest.UsageError(
                "--flow-repro-as-of: a check does not resolve; give it with --flow-repro-update "
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
        update=update,
        installer=option.flow_repro_installer or "uv",
        timeout=option.flow_repro_timeout,
        as_of=as_of,
        fresh=fresh,
        progress=_progress(config),
        flow_files=flow_files,
        details=option.flow_repro_details,
    )


def _folder(config: pytest.Config) -> Path:
    """The controller's folder, which it makes, and its workers share."""
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        return Path(worker_input[_WORKER_KEY])
    try:
        with naming_full_disk():
            return Path(tempfile.mkdtemp(prefix="flowrepro-"))
    except FlowReproError as error:
        raise pytest.UsageError(str(error)) from error


def _progress(config: pytest.Config) -> Callable[[str], None]:
    """Writes a line at once, past the capturing of output, where somebody watches a terminal."""

    def write(text: str) -> None:
        # Looked up here: this plugin is configured before the terminal's.
        reporter = config.pluginmanager.getplugin("terminalreporter")
        capture = config.pluginmanager.getplugin("capturemanager")
        if reporter is not None and capture is not None and reporter.isatty:
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(f"  {text}", light=True)
                reporter.flush()

    return write
