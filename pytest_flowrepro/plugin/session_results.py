"""The results of all tests of a session: those that did not run have one, too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.plugin.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pytest_flowrepro.plugin.results import PartId

_AGAIN = "What to do: run pytest again; the tests that did not run have no result"


@dataclass(slots=True)
class SessionResults:
    """The results of a session's tests, including errors for tests that did not run."""

    _selected: dict[PartId, None] = field(default_factory=dict)
    _results: dict[PartId, PartResult] = field(default_factory=dict)
    _failures: dict[str, str] = field(default_factory=dict)
    """The reasons, by node id, why tests failed that have no result of their own."""
    _skipped: set[str] = field(default_factory=set)
    _started: set[str] = field(default_factory=set)

    def select(self, parts: Iterable[PartId]) -> None:
        """Add tests that are to run."""
        self._selected |= dict.fromkeys(parts)

    def start(self, nodeid: str) -> None:
        self._started.add(nodeid)

    def add(self, part: PartId, result: PartResult) -> None:
        """Add the result of a test; the last one counts."""
        self._results[part] = result

    def fail(self, nodeid: str, reason: str) -> None:
        """Add a test that failed without a result, in its teardown or with its worker."""
        self._failures[nodeid] = reason

    def skip(self, nodeid: str) -> None:
        self._skipped.add(nodeid)

    def has(self, part: PartId) -> bool:
        """Return whether the test reported a result."""
        return part in self._results

    @property
    def selected(self) -> tuple[PartId, ...]:
        """The tests that are to run."""
        return tuple(self._selected)

    def of(self, parts: Collection[PartId]) -> dict[PartId, PartResult]:
        """Return the results of those of the tests that ended."""
        results = {part: self._results[part] for part in parts if part in self._results}
        for part in parts:
            if part.nodeid in self._failures:
                text = f"{part.title} {part.part}: {self._failures[part.nodeid]}"
                results[part] = _broken(results.get(part), text)
        return results

    def missing(self) -> list[PartId]:
        """Return the selected tests that neither ran nor were skipped."""
        reported = self._failures.keys() | self._skipped
        return [
            part for part in self._selected if not self.has(part) and part.nodeid not in reported
        ]

    def all(self, *, ended: str = "") -> dict[PartId, PartResult]:
        """Return one result for each test; `ended` says how the session ended, if known."""
        results = {**self._results, **self.of(self._selected)}
        by_flow: dict[tuple[str, str, str | None], list[PartId]] = {}
        for part in self.missing():
            by_flow.setdefault(part.flow_key, []).append(part)
        for parts in by_flow.values():
            text = "; ".join(self._not_run(parts)) + (f" ({ended})" if ended else "")
            results |= {part: _broken(None, f"{text}\n{_AGAIN}") for part in parts}
        return results

    def _not_run(self, parts: Sequence[PartId]) -> Iterator[str]:
        begun = [part.part for part in parts if part.nodeid in self._started]
        never = [part.part for part in parts if part.nodeid not in self._started]
        if never:
            yield f"{parts[0].title}: {', '.join(never)} did not run"
        if begun:
            yield f"{parts[0].title}: {', '.join(begun)} did not run to the end"


def _broken(result: PartResult | None, text: str) -> PartResult:
    """Return the error of a test that something other than its check made fail."""
    earlier = result or PartResult(verdict="error")
    return replace(earlier, verdict="error", failure=text, is_broken=True)
