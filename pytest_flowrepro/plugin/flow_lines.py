"""One line for each flow as it ends, for a session whose output is not a terminal.

flows/train.py ...FF.
flows/train.py::TrainFlow  drifted  12.3 s (3 of 200)                             [ 40%]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.plugin.flow_reports import flow_reports
from pytest_flowrepro.plugin.terminal import color_of
from pytest_flowrepro.report.text import inert, title

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_flowrepro.model import FlowReport
    from pytest_flowrepro.plugin.results import PartId
    from pytest_flowrepro.plugin.session import SessionState
    from pytest_flowrepro.plugin.session_results import SessionResults
    from pytest_flowrepro.plugin.terminal import FlowKey

_PHASES = frozenset({"setup", "call", "teardown"})
_QUIETER = -2
"""The verbosity of `-qq`, which has no progress of flows."""


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class FlowLines:
    """The lines of the flows, between those of pytest's own progress."""

    reporter: pytest.TerminalReporter
    session: SessionState
    results: SessionResults
    _parts: dict[FlowKey, list[PartId]] = field(default_factory=dict)
    _running: dict[FlowKey, set[str]] = field(default_factory=dict)
    """The node ids of the tests that have not ended, of each flow that has not."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(
        self, report: pytest.TestReport
    ) -> Generator[None, object, object]:
        if not self.reporter.showfspath:
            # pytest writes a letter wherever the cursor is.
            self.reporter.ensure_newline()
        result = yield
        if report.when not in _PHASES:  # the worker of the test crashed: xdist finishes no test
            self._end(report.nodeid)
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._end(nodeid)

    def _end(self, nodeid: str) -> None:
        """Write the line of a flow whose last test ended."""
        if not self._parts:
            self._begin()
        for key, running in self._running.items():
            if nodeid in running:
                running.remove(nodeid)
                if not running:
                    del self._running[key]
                    self._write(key)
                return

    def _begin(self) -> None:
        """Find the selected tests, which xdist has only in its workers: they all have the same."""
        if not self.results.selected:
            workers = self.session.folder.collected()
            self.results.select(part for worker in workers for part in worker.parts)
        for part in self.results.selected:
            self._parts.setdefault(part.flow_key, []).append(part)
            self._running.setdefault(part.flow_key, set()).add(part.nodeid)

    def _write(self, key: FlowKey) -> None:
        results = self.results.of(self._parts[key])
        for report in flow_reports(results, fresh=self.session.options.fresh):
            self.reporter.write_ensure_prefix(
                f"{inert(title(report))}  ", report.verdict, **{color_of(report.verdict): True}
            )
            self.reporter.write(self._rest(report))
        # The line stays open for the percentage that pytest writes at the end of a line, unless
        # the next letter may be minutes away: a CI system shows whole lines.
        if self._running and not self.reporter.showfspath:
            self.reporter.ensure_newline()
        self.reporter.flush()

    def _rest(self, report: FlowReport) -> str:
        spent = sum(seconds for _, seconds in report.seconds)
        time = f"{spent:.1f} s " if report.seconds else ""
        return f"  {time}({len(self._parts) - len(self._running)} of {len(self._parts)})"


def flow_lines_of(
    config: pytest.Config, session: SessionState, results: SessionResults
) -> FlowLines | None:
    """Return the lines of a session; None if it has no output, or a quiet one."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or config.option.verbose <= _QUIETER:
        return None
    return FlowLines(reporter=reporter, session=session, results=results)
