"""The properties of the test suite in a JUnit report: pytest writes the report and its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_flowrepro.model import Report, RunInfo


def suite_properties(report: Report) -> Iterator[tuple[str, str]]:
    """Yield name and value of the facts that belong to no test; a name may come several times."""
    facts = [(name, value) for name, value in _run(report.run).items() if value is not None]
    facts += (("selection", argument) for argument in report.run.selection)
    facts += (("obsolete", baseline.text) for baseline in report.obsolete)
    facts += (("unused-pattern", pattern) for pattern in report.unused_patterns)
    yield from ((f"flowrepro.{name}", inert(value)) for name, value in facts)


def _run(run: RunInfo) -> Mapping[str, str | None]:
    return {
        "command": run.command,
        "version": run.version,
        "date": run.date,
        "platform": run.platform,
        "python": run.python,
        "commit": run.commit,
        "branch": run.branch,
        "modified": str(run.is_modified).lower() if run.commit else None,
        "folder": run.folder or None,
        "resolution": run.resolution,
    }
