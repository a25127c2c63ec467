"""The collection of flows by pytest; a run that finds none does not pass."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.plugin.items import FlowFile
from pytest_flowrepro.plugin.scope import Scope, flow_files
from pytest_flowrepro.settings.project import (
    Project,
    configuration_above,
    contending,
    find_project,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_flowrepro.plugin.session import Session
    from pytest_flowrepro.support.errors import FlowReproError

_WORKER_KEY = "flowrepro_collection"


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class Collection:
    """The hooks by which flows are collected."""

    config: pytest.Config
    session: Session
    project: Project
    are_paths_given: bool
    """True if paths restrict the run to a part of the project."""
    scope: Scope | None = None
    """The files to collect; None: those that pytest collects anyway."""
    files: int = 0
    """The number of files with flows so far."""
    _by_real_path: dict[str, Path] = field(default_factory=dict)
    _configurations: dict[Path, Path | None] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config, session: Session, project: Project) -> Collection:
        """Return the collection of this process; a run without paths gets the project's as well."""
        given = getattr(config, "workerinput", {}).get(_WORKER_KEY)
        if given is not None:
            scope = given["scope"] and Scope.from_json(given["scope"])
            return cls(config, session, project, given["are_paths_given"], scope)
        collection = cls(config, session, project, _are_paths_given(config))
        if not collection.are_paths_given:
            collection._widen()
        return collection

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Let every worker of xdist collect the same as the controller."""
        node.workerinput[_WORKER_KEY] = {
            "root": str(self.project.root),
            "are_paths_given": self.are_paths_given,
            "scope": self.scope and self.scope.to_json(),
        }

    def _widen(self) -> None:
        named = self.session.flow_files
        below = Path(os.path.abspath(self.config.invocation_params.dir))  # noqa: PTH100  no links
        is_whole = self.config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR
        if is_whole and (named is None or below != self.project.root):
            return  # collect the folder that pytest was started in, as pytest does
        flows = named
        if flows is None:
            flows = frozenset(flow_files(self.project.root, is_wanted=self._is_no_test_module))
        tests = [_path(self.config, arg) for arg in self.config.args]
        self.scope = Scope.of(tests, flows, is_named=named is not None)
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
        others = yield
        if file_path.suffix == ".py" and self._is_wanted(file_path, parent.session):
            named = parent.session.isinitpath(file_path)
            flow_file = FlowFile.of(parent, file_path, named=named)
            if flow_file is not None:
                self.files += 1
                # In place of other plugins' collectors: importing a flow as a test would start it.
                return self._once(flow_file, named=named)
        return others if self.scope is None or self.scope.has_tests(file_path) else []

    def _once(self, file: FlowFile, *, named: bool) -> list[pytest.Collector]:
        """Return the file, unless it is also collected by another path that has precedence."""
        if self._is_repeated(file.path, file.session):
            file.flows = ()
            # pytest expects a collector for a file that was named.
            return [file] if named else []
        if error := self._other_configuration(file.path.parent):
            file.flows = error
        return [file]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session) -> None:
        is_worker = hasattr(self.config, "workerinput")
        if self.files == 0 and session.testsfailed == 0 and not is_worker:
            raise pytest.UsageError(self.nothing_found())

    # --- questions --------------------------------------------------------------------

    @property
    def _ignores_on_command_line(self) -> bool:
        return any(arg.startswith("--ignore") for arg in self.config.invocation_params.args)

    def _is_wanted(self, path: Path, session: pytest.Session) -> bool:
        """Return whether a flow in this file, if it has one, is to be checked."""
        named = self.session.flow_files
        if named is not None and path in named:
            return True
        return self._is_no_test_module(path) and (named is None or session.isinitpath(path))

    def _is_no_test_module(self, path: Path) -> bool:
        # A test module may define a flow to test something with it.
        patterns = (p for p in self.config.getini("python_files") if p != "*.py")
        return not any(path.match(pattern) for pattern in patterns)

    def _is_repeated(self, path: Path, session: pytest.Session) -> bool:
        """Return whether the file is collected by its real path, or was by another link.

        Links may form a cycle, and lead to one file by dozens of paths.
        """
        real = Path(os.path.realpath(path))
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
        for start in (_path(self.config, arg) for arg in self.config.args):
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
        where = ", ".join(dict.fromkeys(str(_path(self.config, arg)) for arg in self.config.args))
        named = self.session.settings.flows
        among = "" if named is None else f", among the files of `flows` in {self.project.file}"
        return (
            "--flow-repro: no flow was found, so nothing is checked: looked for Python files that "
            f"start a FlowSpec in {where}{among}\n"
            "What to do: name the flows' files in `flows` of [tool.flowrepro] or as arguments, "
            "start pytest in their project, or leave out --flow-repro"
        )


def project_of(config: pytest.Config) -> Project:
    """Return the project of this session; raise `SettingsError` if two files configure it."""
    given = getattr(config, "workerinput", {}).get(_WORKER_KEY)
    if given is not None:
        return Project(root=Path(given["root"]))
    option = config.option
    starts = [path for path in _given_paths(config) if path.exists()]
    folders = [path if path.is_dir() else path.parent for path in starts]
    return find_project(
        folders or [config.invocation_params.dir],
        rootdir=config.rootpath,
        is_given=bool(option.rootdir or option.inifilename),
        is_moved=_is_rootdir_moved(config),
    )


def _are_paths_given(config: pytest.Config) -> bool:
    """Return whether files or folders are named on the command line, or test ids anywhere."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return False
    given = config.invocation_params.args
    return any(arg in given or "::" in arg for arg in config.args)


def _given_paths(config: pytest.Config) -> list[Path]:
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return []
    return [_path(config, arg) for arg in config.args]


def _is_rootdir_moved(config: pytest.Config) -> bool:
    """Return whether pytest may have taken a value of our options for a path argument."""
    values = {
        str(value) for name, value in vars(config.option).items() if name.startswith("flow_repro_")
    }
    more = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    return any(word in values for word in (*config.invocation_params.args, *more))


def _path(config: pytest.Config, arg: str) -> Path:
    """Return the absolute path of an argument, without the ids of tests."""
    return Path(os.path.abspath(config.invocation_params.dir / arg.partition("::")[0]))  # noqa: PTH100
