"""The state of a session in one of its processes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_flowrepro.model import FlowSource
    from pytest_flowrepro.pipeline import Doing, Job
    from pytest_flowrepro.plugin.flow_check import FlowCheck
    from pytest_flowrepro.plugin.options import SessionOptions
    from pytest_flowrepro.plugin.worker_store import SessionFolder


@dataclass(slots=True, eq=False)
class SessionState:
    """The flows that this process has collected, and their checks; it grows with the session."""

    options: SessionOptions
    folder: SessionFolder
    progress: Callable[[Doing], None] = lambda _: None
    flows: list[FlowSource] = field(default_factory=list)
    """The flows that were found, in the order of the collection."""
    _checks: dict[Path, FlowCheck] = field(default_factory=dict)

    def flow_check(self, flow: FlowSource, case: str | None) -> FlowCheck:
        """Return the one check of a flow and case."""
        # Most of this plugin, which a session that only collects does not need.
        from pytest_flowrepro.plugin.flow_check import FlowCheck  # noqa: PLC0415

        job = self._job(flow, case)
        if job.folder not in self._checks:
            self._checks[job.folder] = FlowCheck(
                job=job,
                options=self.options,
                folder=self.folder,
                upstreams=partial(self._upstreams, job),
            )
        return self._checks[job.folder]

    def _upstreams(self, job: Job) -> Iterator[FlowCheck]:
        """Yield the checks of the flows that run before this one, in that order."""
        from pytest_flowrepro.pipeline.upstream import flows_before  # noqa: PLC0415  as above

        for flow in flows_before(job, self.flows, self.options.settings):
            yield self.flow_check(flow, None)

    def _job(self, flow: FlowSource, case: str | None) -> Job:
        from pytest_flowrepro.pipeline import Job  # noqa: PLC0415  as above

        options = self.options
        settings = options.settings.for_flow(flow.name, case)
        if options.timeout is not None:
            settings = replace(settings, timeout=options.timeout)
        return Job(
            flow=flow,
            case=case,
            settings=settings,
            # A file named on the command line may be outside the root: its folder is its project.
            root=options.root if flow.file.is_relative_to(options.root) else flow.file.parent,
            folder=self.folder.flow_folder(flow.file, flow.name, case),
            environments=self.folder.environments,
            resolutions=self.folder.resolutions,
            temporary=self.folder.temporary,
            installer=options.installer,
            as_of=options.as_of,
            fresh=options.fresh,
            cards=options.cards,
            progress=self.progress,
        )
