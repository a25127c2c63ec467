"""The collection of flows by pytest; a run that finds none does not pass."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.discover.flows import explain_no_flow, suspect_no_flow
from pytest_flowrepro.discover.known import KnownFlows
from pytest_flowrepro.plugin.arguments import argument_path, has_paths
from pytest_flowrepro.plugin.item_reports import attach_uncollected, attached_uncollected
from pytest_flowrepro.plugin.items import FlowFile, FlowNode
from pytest_flowrepro.plugin.scope import Scope, flow_files
from pytest_flowrepro.plugin.worker_input import is_first, is_worker, worker_input
from pytest_flowrepro.report.overview import uncollected_count
from pytest_flowrepro.settings.project import Project, configuration_above, contending
from pytest_flowrepro.support.errors import DiscoverError
from pytest_flowrepro.support.paths import FilePatterns, RealPaths
from pytest_flowrepro.support.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_flowrepro.discover.flows import NoFlow
    from pytest_flowrepro.model import FlowSource, Uncollected
    from pytest_flowrepro.plugin.session import SessionState
    from pytest_flowrepro.support.errors import FlowReproError


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class Collection:
    """The hooks by which flows are collected."""

    config: pytest.Config
    session: SessionState
    project: Project
    known: KnownFlows
    is_part: bool
    """True if paths, or the folder that pytest was started in, select a part of the project."""
    scope: Scope | None = None
    """The files to collect; None: those that pytest collects anyway."""
    files: int = 0
    """The number of files with flows so far."""
    unchanged: int = 0
    """The number of flows that were left out by `--flow-repro-changed-since`."""
    suspects: list[NoFlow] = field(default_factory=list)
    """Files that seem to start a flow, but in which none was found."""
    _uncollected: dict[str, Uncollected] = field(default_factory=dict)
    """Path of a file, as reports show it -> its error."""
    _by_real_path: dict[str, Path] = field(default_factory=dict)
    _configurations: dict[Path, Path | None] = field(default_factory=dict)
    _real_paths: RealPaths = field(default_factory=RealPaths)
    _test_modules: FilePatterns | None = None

    @classmethod
    def from_config(
        cls, config: pytest.Config, session: SessionState, project: Project
    ) -> Collection:
        """Return the collection of this process; without paths, it has all flows of the project."""
        worker = worker_input(config)
        known = KnownFlows.of_project(project.root)
        if worker is not None:
            return cls(config, session, project, known, worker.is_part, worker.scope)
        collection = cls(config, session, project, known, has_paths(config))
        if not collection.is_part:
            collection._widen()
        return collection

    def _widen(self) -> None:
        named = self.session.options.flow_files
        below = Path(os.path.abspath(self.config.invocation_params.dir))  # noqa: PTH100  no links
        is_whole = self.config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR
        if is_whole and (named is None or below != self.project.root):
            self.is_part = below != self.project.root
            return  # collect the folder that pytest was started in, as pytest does
        flows = named
        if flows is None:
            flows = frozenset(flow_files(self.known, is_wanted=self._is_no_test_module))
        tests = [argument_path(self.config, arg) for arg in self.config.args]
        self.scope = Scope.from_paths(tests, flows, is_named=named is not None)
        outside = sorted(flow for flow in flows if not flow.is_relative_to(self.project.root))
        self.config.args += map(str, (self.project.root, *outside))

    # --- hooks ------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_ignore_collect(
        self, collection_path: Path
    ) -> Generator[None, bool | None, bool | None]:
        ignored = yield
        if self.scope is None:
            return ignored
        is_final = self._ignores_on_command_line
        return self.scope.ignores(collection_path, ignored=bool(ignored), is_final=is_final) or None

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        collectors = yield
        if file_path.suffix == ".py" and self._is_wanted(file_path, parent.session):
            named = parent.session.isinitpath(file_path)
            if flows := self._read_flows(file_path, named=named):
                self.files += 1
                # In place of other plugins' collectors: importing a flow as a test would start it.
                selected = self._own_flows(file_path, flows, parent.session)
                # pytest expects a collector for a file that was named.
                if selected or named:
                    return [FlowFile.from_parent(parent, path=file_path, flows=selected)]
                return []
        return collectors if self.scope is None or self.scope.has_tests(file_path) else []

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        if report.failed and isinstance(collector, FlowFile | FlowNode):
            path, root = collector.path, self.session.options.root
            inside = path.relative_to(root) if path.is_relative_to(root) else path.name
            attach_uncollected(report, Path(inside).as_posix())
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if uncollected := attached_uncollected(report):
            # Once, although each worker of xdist collects every file.
            self._uncollected[uncollected.file] = uncollected

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session) -> None:
        if self.files == 0 and session.testsfailed == 0 and not is_worker(self.config):
            raise pytest.UsageError(self.nothing_found())

    def pytest_collection_finish(self) -> None:
        """Warn once of settings without a flow, and of files that seem to start one."""
        if not is_first(self.config):
            return
        self.known.keep()
        if not self.is_part:
            self._warn_of_unknown_flows()
        for suspect in self.suspects:  # named files are errors already
            self._warn(str(suspect.error()))

    def _warn_of_unknown_flows(self) -> None:
        flow_names = {flow.name for flow in self.session.flows}
        for name in sorted(set(self.session.options.settings.by_flow) - flow_names):
            meant = did_you_mean(name, flow_names)
            self._warn(f"tool.flowrepro.flow.{name}: unknown flow{meant}")

    def _warn(self, text: str) -> None:
        try:
            self.config.issue_config_time_warning(pytest.PytestConfigWarning(text), 2)
        except pytest.PytestConfigWarning as error:  # under -W error
            raise pytest.UsageError(text) from error

    # --- questions --------------------------------------------------------------------

    @property
    def uncollected(self) -> tuple[Uncollected, ...]:
        """The files that could not be collected, sorted."""
        return tuple(self._uncollected[file] for file in sorted(self._uncollected))

    @property
    def ended(self) -> str:
        """The reason why pytest ran no test: a file that could not be collected; else empty."""
        runs_others = self.config.option.continue_on_collection_errors
        if runs_others or self.config.pluginmanager.hasplugin("dsession") or not self._uncollected:
            return ""
        return uncollected_count(self._uncollected)

    def _read_flows(self, path: Path, *, named: bool) -> tuple[FlowSource, ...] | DiscoverError:
        """Return the flows that a file starts, or its error; remember a suspect.

        `named`: the file is an argument of pytest; then it is an error if it only seems to have a
        flow.
        """
        root = self.session.options.root
        try:
            if flows := self.known.find(path):
                return flows
            literal = path in self.session.options.settings.literal_flow_files
            if literal or named:
                reason = explain_no_flow(path, root=root)
                return reason.error() if literal or reason.looks_like_one else ()
            if suspect := suspect_no_flow(path, root=root):
                self.suspects.append(suspect)
        except DiscoverError as error:
            return error
        return ()

    def _own_flows(
        self,
        path: Path,
        flows: tuple[FlowSource, ...] | FlowReproError,
        session: pytest.Session,
    ) -> tuple[FlowSource, ...] | FlowReproError:
        """Return the flows of a file; none if it is also collected by a path with precedence.

        Returns the error if another file configures the flows.
        """
        if self._is_repeated(path, session):
            return ()
        return self._other_configuration(path.parent) or flows

    @property
    def _ignores_on_command_line(self) -> bool:
        return any(arg.startswith("--ignore") for arg in self.config.invocation_params.args)

    def _is_wanted(self, path: Path, session: pytest.Session) -> bool:
        """Return whether the flows of this file, if any, are checked."""
        named = self.session.options.flow_files
        if named is not None and path in named:
            return True
        return self._is_no_test_module(path) and (named is None or session.isinitpath(path))

    def _is_no_test_module(self, path: Path) -> bool:
        # A test module may define a flow to test something with it.
        if self._test_modules is None:
            patterns = self.config.getini("python_files")
            self._test_modules = FilePatterns.of(name for name in patterns if name != "*.py")
        return not self._test_modules.match(path)

    def _is_repeated(self, path: Path, session: pytest.Session) -> bool:
        """Return whether the file is collected by its real path, or was by another link.

        Links may form a cycle, and lead to one file by dozens of paths.
        """
        real = Path(self._real_paths.of(path))
        if real == path:
            return self._by_real_path.setdefault(str(real), path) != path
        sibling = path.with_name(real.name)  # if the file itself is a link
        better = [real, sibling] if os.path.realpath(sibling) == str(real) else [real]
        if path not in better[:1] and any(
            self._is_collected(other, session) for other in better if other != path
        ):
            return True
        return self._by_real_path.setdefault(str(real), path) != path

    def _is_collected(self, path: Path, session: pytest.Session) -> bool:
        """Return whether pytest collects a file by this path."""
        if not self._is_wanted(path, session):
            return False
        for start in (argument_path(self.config, arg) for arg in self.config.args):
            if path.is_relative_to(start):
                between = [p for p in path.parents if p != start and p.is_relative_to(start)]
                below = (*reversed(between), path) if path != start else ()
                hooks = ((session.gethookproxy(entry.parent), entry) for entry in below)
                if not any(
                    hook.pytest_ignore_collect(collection_path=entry, config=self.config)
                    for hook, entry in hooks
                ):
                    return True
        return False

    def _other_configuration(self, folder: Path) -> FlowReproError | None:
        """Return the error for a flow that another file than that of this session configures."""
        if folder not in self._configurations:
            self._configurations[folder] = configuration_above(folder)
        file = self._configurations[folder]
        if file is None or file.resolve() == self.project.file.resolve():
            return None
        return contending(self.project.file, file)

    def nothing_found(self) -> str:
        """Return the error text of a run that has no flow to check."""
        from pytest_flowrepro.pipeline import obsolete_baselines  # noqa: PLC0415  rarely needed
        from pytest_flowrepro.plugin.obsolete import reported  # noqa: PLC0415

        paths = (str(argument_path(self.config, arg)) for arg in self.config.args)
        where = ", ".join(dict.fromkeys(paths))
        named = self.session.options.settings.flows
        among = "" if named is None else f", among the files of `flows` in {self.project.file}"
        options = self.session.options
        obsolete = () if self.is_part else obsolete_baselines(options.root, options.settings)
        baselines = "".join(f"{reported(baseline, options).text}\n" for baseline in obsolete)
        return (
            "--flow-repro: no flow was found, so nothing is checked: looked for Python files that "
            f"start a FlowSpec in {where}{among}\n"
            f"{baselines}"
            "What to do: name the flows' files in `flows` of [tool.flowrepro] or as arguments, "
            "start pytest in their project, or leave out --flow-repro"
        )
