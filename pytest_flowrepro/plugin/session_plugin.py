"""The start and the end of a session with `--flow-repro`, in the controller and in its workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import pytest

from pytest_flowrepro import __version__
from pytest_flowrepro.plugin.arguments import project_of
from pytest_flowrepro.plugin.changed_flows import ChangedFlows
from pytest_flowrepro.plugin.collection import Collection
from pytest_flowrepro.plugin.flow_lines import flow_lines_of
from pytest_flowrepro.plugin.items import SESSION
from pytest_flowrepro.plugin.last_times import LastTimes
from pytest_flowrepro.plugin.options import read_options
from pytest_flowrepro.plugin.progress import Announcements, live_line
from pytest_flowrepro.plugin.reporting import Reporting
from pytest_flowrepro.plugin.session import SessionState
from pytest_flowrepro.plugin.shards import Sharding
from pytest_flowrepro.plugin.termination import end_workers, raise_on_termination, register_worker
from pytest_flowrepro.plugin.worker_input import (
    WorkerInput,
    is_worker,
    pass_to_worker,
    worker_input,
)
from pytest_flowrepro.plugin.worker_store import SessionFolder
from pytest_flowrepro.support.cache import use_caches
from pytest_flowrepro.support.disk import naming_full_disk
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.project_folders import forget_modules
from pytest_flowrepro.support.temporary_folder import (
    hold_folder,
    make_folder,
    remove_after_session,
    remove_dead_folders,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.plugin.session_results import SessionResults
    from pytest_flowrepro.support.cache import CacheUse


def start_session(config: pytest.Config) -> None:
    """Register the plugins of this process; raise `pytest.UsageError` for invalid options.

    They are `Collection`, which finds flows and makes tests of them (`items`), `Reporting`, which
    gathers the results, and `SessionPlugin`.
    """
    forget_modules()
    worker = worker_input(config)
    try:
        project = project_of(config)
    except FlowReproError as error:
        raise pytest.UsageError(str(error)) from error
    today = datetime.now(UTC).date() if worker is None else worker.today
    options = read_options(config.option, project.root, today=today)
    folder = SessionFolder(_new_folder() if worker is None else worker.folder)
    progress = Announcements(folder.path / "progress")
    session = SessionState(options=options, folder=folder, progress=progress)
    config.stash[SESSION] = session
    config.addinivalue_line("markers", "flowrepro: one part of a Metaflow flow")
    collection = Collection.from_config(config, session, project)
    changed = ChangedFlows.from_config(config, session, collection)
    if worker is not None:
        register_worker(folder.path)
    sharding = Sharding(config, options.shard, options.settings) if options.shard else None
    reporting = Reporting(config=config, session=session, collection=collection, sharding=sharding)
    plugin = SessionPlugin(
        config=config,
        session=session,
        collection=collection,
        results=reporting.results,
        held=None if options.keep else hold_folder(folder.path),
        put_signals_back=raise_on_termination(),
        caches=use_caches(),
    )
    plugins = {
        "collection": collection,
        "reporting": reporting,
        "session": plugin,
        "changed": changed,
        "sharding": sharding,
        "progress": progress,
    }
    for name, part in plugins.items():
        if part is not None:
            config.pluginmanager.register(part, f"flowrepro-{name}")


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class SessionPlugin:
    """The hooks about the processes of the session, and the resources that they hold."""

    config: pytest.Config
    session: SessionState
    collection: Collection
    results: SessionResults
    held: IO[bytes] | None
    """The lock that keeps other sessions from removing the folder."""
    put_signals_back: Callable[[], None]
    caches: CacheUse | None
    """The use of the caches by this process."""

    def pytest_sessionstart(self) -> None:
        """Show the progress in the way of this session's output, which is configured by now."""
        if is_worker(self.config):
            return
        last = LastTimes.read(self.config, self.session.options.update)
        line = live_line(self.config, self.session.folder.path / "progress", last)
        shown = line or flow_lines_of(self.config, self.session, self.results)
        if shown is not None:
            self.config.pluginmanager.register(shown, "flowrepro-shown-progress")

    def pytest_report_header(self) -> str:
        options = self.session.options
        how = {"no": "check", "new": "record what is new", "all": "record"}[options.update]
        return f"flowrepro: {__version__}, {how}, by {options.installer}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Let every worker of xdist collect and check the same, in the controller's folder."""
        values = WorkerInput(
            root=self.session.options.root,
            folder=self.session.folder.path,
            today=self.session.options.today,
            is_part=self.collection.is_part,
            scope=self.collection.scope,
        )
        pass_to_worker(node, values)

    def pytest_keyboard_interrupt(self) -> None:
        if not is_worker(self.config):
            end_workers(self.session.folder.path)

    def pytest_unconfigure(self) -> None:
        if self.caches is not None:
            self.caches.close()
            self._clean_up_caches()
        if not is_worker(self.config) and not self.session.options.keep:
            remove_after_session(self.session.folder.path, self.held)
        elif self.held is not None:
            self.held.close()
        self.put_signals_back()

    def _clean_up_caches(self) -> None:
        """Delete, once a day, what is over the limits of the configuration."""
        if is_worker(self.config) or self.config.option.collectonly:
            return
        from pytest_flowrepro.support.cache_cleanup import clean_up_daily  # noqa: PLC0415  once a day

        settings = self.session.options.settings
        clean_up_daily(unused_for=settings.cache_max_age, max_size=settings.cache_max_size)


def _new_folder() -> Path:
    """Create the folder that all processes of the session share."""
    remove_dead_folders()
    try:
        with naming_full_disk():
            return make_folder()
    except FlowReproError as error:
        raise pytest.UsageError(str(error)) from error
