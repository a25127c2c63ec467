"""The flows that run before a flow: `after` in the configuration, found by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.discover.flows import find_flows
from pytest_flowrepro.support.errors import DiscoverError, SettingsError
from pytest_flowrepro.support.project_folders import project_folders
from pytest_flowrepro.support.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_flowrepro.model import FlowSource
    from pytest_flowrepro.pipeline import Job
    from pytest_flowrepro.settings.settings import Settings


def flows_before(
    job: Job, known: Iterable[FlowSource], settings: Settings
) -> tuple[FlowSource, ...]:
    """Return the flows that run before `job`, in their order, including those before them.

    They are searched among the `known` ones first, then in the whole project. Raises
    `SettingsError` for a name of no flow or of several, and for a cycle.
    """
    catalogue = _Catalogue(known, job.root)
    order: dict[str, FlowSource] = {}

    def visit(name: str, key: str, on_the_way: tuple[str, ...]) -> None:
        if name in on_the_way:
            cycle = " after ".join((*on_the_way, name))
            raise SettingsError(
                f"{settings.file}: {key}: {cycle} is a cycle",
                hint="remove one of them: a flow cannot read a run that comes after its own",
            )
        if name not in order:
            flow = catalogue.flow(name, f"{settings.file}: {key}")
            for upstream in settings.for_flow(name).after:
                visit(upstream, f"tool.flowrepro.flow.{name}.after", (*on_the_way, name))
            order[name] = flow

    for name in job.settings.after:
        visit(name, f"{job.table}.after", (job.flow.name,))
    return tuple(order.values())


class _Catalogue:
    """The flows of a project by name; its files are read once an unknown name is needed."""

    def __init__(self, known: Iterable[FlowSource], root: Path) -> None:
        self._flows = _by_name(known)
        self._root = root
        self._complete = False

    def flow(self, name: str, key: str) -> FlowSource:
        if name not in self._flows and not self._complete:
            self._flows = _by_name(_flows_of(self._root))
            self._complete = True
        match self._flows.get(name, []):
            case [flow]:
                return flow
            case []:
                meant = did_you_mean(name, self._flows)
                raise SettingsError(
                    f"{key}: flow `{name}` was not found in {self._root}{meant}",
                    hint="set it to the class name of a flow of this project",
                )
            case several:
                files = ", ".join(str(flow.file.relative_to(self._root)) for flow in several)
                raise SettingsError(
                    f"{key}: `{name}` is ambiguous: it is defined in {files}",
                    hint="give each flow a different name: Metaflow stores runs by name",
                )


def _by_name(flows: Iterable[FlowSource]) -> dict[str, list[FlowSource]]:
    by_name: dict[str, list[FlowSource]] = {}
    for flow in dict.fromkeys(flows):
        by_name.setdefault(flow.name, []).append(flow)
    return by_name


def _flows_of(root: Path) -> Iterator[FlowSource]:
    """Yield every flow of the project.

    Files that cannot be read are reported by their own tests.
    """
    for parent, folders, files in project_folders(root):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                try:
                    yield from find_flows(parent / name, root=root)
                except DiscoverError:
                    continue
