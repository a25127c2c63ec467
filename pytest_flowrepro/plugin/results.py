"""The results of a session's tests, merged into one `FlowReport` for each flow."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.diff.verdict import worst
from pytest_flowrepro.model import Change, FlowReport
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class PartResult:
    """The result of one test. Plain values: an xdist worker sends it as JSON."""

    verdict: Verdict
    changes: tuple[Change, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()
    nondeterministic: int = 0
    notes: tuple[str, ...] = ()
    idle: tuple[str, ...] | None = None
    """The project's patterns that were not needed; None if that is not known."""
    failure: str | None = None
    """The text of a test that does not pass."""
    in_call: bool = True
    """False if setup broke: then it is an error, not a failure."""


_Key = tuple[str, str, str | None, str]


@dataclass(slots=True)
class SessionResults:
    """The results of a session's tests, including errors for tests that did not run."""

    _selected: dict[_Key, dict[str, Any]] = field(default_factory=dict)
    """Each test's identity (`PartItem.identity`), and its `nodeid`."""
    _results: dict[_Key, dict[str, Any]] = field(default_factory=dict)
    _failures: dict[str, str] = field(default_factory=dict)
    """The reasons, by node id, why tests failed that have no result of their own."""
    _skipped: set[str] = field(default_factory=set)
    _started: set[str] = field(default_factory=set)

    def select(self, tests: Iterable[dict[str, Any]]) -> None:
        """Add tests that are to run."""
        self._selected |= {_key(test): test for test in tests}

    def start(self, nodeid: str) -> None:
        self._started.add(nodeid)

    def add(self, result: dict[str, Any]) -> None:
        """Add the result of a test; the last one counts."""
        self._results[_key(result)] = result

    def fail(self, nodeid: str, reason: str) -> None:
        """Add a test that failed without a result, in its teardown or with its worker."""
        self._failures[nodeid] = reason

    def skip(self, nodeid: str) -> None:
        self._skipped.add(nodeid)

    def missing(self) -> list[dict[str, Any]]:
        """Return the identities of selected tests that neither ran nor were skipped."""
        known = self._failures.keys() | self._skipped
        tests = self._selected.items()
        return [t for key, t in tests if key not in self._results and t["nodeid"] not in known]

    def all(self, *, ended: str = "") -> list[dict[str, Any]]:
        """Return one result for each test; `ended` says how the session ended, if known."""
        results = dict(self._results)
        for key, test in self._selected.items():
            if test["nodeid"] in self._failures:
                text = f"{_title(test)} {test['part']}: {self._failures[test['nodeid']]}"
                results[key] = _error(results.get(key, test), text)
        by_flow: dict[_Key, list[dict[str, Any]]] = {}
        for test in self.missing():
            by_flow.setdefault((*_key(test)[:3], ""), []).append(test)
        for tests in by_flow.values():
            text = "; ".join(self._not_run(tests)) + (f" ({ended})" if ended else "")
            results |= {_key(test): _error(test, f"{text}\n{_AGAIN}") for test in tests}
        return list(results.values())

    def _not_run(self, tests: list[dict[str, Any]]) -> Iterator[str]:
        begun = [test["part"] for test in tests if test["nodeid"] in self._started]
        never = [test["part"] for test in tests if test["nodeid"] not in self._started]
        if never:
            yield f"{_title(tests[0])}: {', '.join(never)} did not run"
        if begun:
            yield f"{_title(tests[0])}: {', '.join(begun)} did not run to the end"


_AGAIN = "What to do: run pytest again; the tests that did not run have no result"


def _key(test: dict[str, Any]) -> _Key:
    return test["file"], test["flow"], test["case"], test["part"]


def _title(test: dict[str, Any]) -> str:
    return f"{test['flow']}[{test['case']}]" if test["case"] else str(test["flow"])


def _error(test: dict[str, Any], text: str) -> dict[str, Any]:
    return {
        **asdict(PartResult(verdict="error")),
        **test,
        "verdict": "error",
        "failure": text,
        "broken": True,
    }


def flow_reports(
    results: Iterable[dict[str, Any]], *, fresh: bool = False
) -> tuple[FlowReport, ...]:
    """Return one report per flow and case, sorted, from the plain values of its tests.

    `fresh`: packages were resolved again, and notes count those that changed.
    """
    by_flow: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for result in results:
        key = (result["file"], result["flow"], result["case"] or "")
        by_flow.setdefault(key, []).append(result)
    reports = []
    for key in sorted(by_flow):
        # Under xdist, results come in the order in which the tests end.
        report = _flow_report(sorted(by_flow[key], key=itemgetter("position")))
        parts = {part["part"] for part in by_flow[key]}
        reports.append(_with_moves(report, parts) if fresh else report)
    return tuple(reports)


def unused_patterns(results: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return the project's patterns that no flow needed.

    Empty if that is not known of one of the flows, because it ended with an error.
    """
    by_flow: dict[tuple[str, str, str | None], list[str] | None] = {}
    for result in results:
        flow = (result["file"], result["flow"], result["case"])
        if result["idle"] is not None or flow not in by_flow:
            by_flow[flow] = result["idle"]
    known = [idle for idle in by_flow.values() if idle is not None]
    if not known or len(known) < len(by_flow):
        return ()
    return tuple(pattern for pattern in known[0] if all(pattern in idle for idle in known))


def _with_moves(report: FlowReport, parts: set[str]) -> FlowReport:
    """Add notes that help to decide on an upgrade: `3 packages changed`, `artifacts unchanged`."""
    if report.verdict not in {"reproduced", "drifted"}:
        return report
    notes = []
    if "environment" in parts:
        packages = (change for change in report.changes if change.kind == "package")
        moved = {change.name for change in packages if not change.declared}
        notes.append(f"{counted(len(moved), 'package')} changed" if moved else "packages unchanged")
    if "rerun" in dict(report.seconds):
        values = [c for c in report.changes if c.kind in {"artifact", "parameter"}]
        changed = [c for c in values if c.within is None]
        count = counted(len(changed), "artifact")
        notes.append(f"{count} changed" if changed else "artifacts unchanged")
    return replace(report, notes=(*notes, *report.notes))


def _flow_report(parts: list[dict[str, Any]]) -> FlowReport:
    first = parts[0]
    seconds: dict[str, float] = {}
    notes: dict[str, None] = {}
    for part in parts:
        # If several tests need a stage, it takes long only for the first of them.
        for stage, spent in part["seconds"]:
            seconds[stage] = max(spent, seconds.get(stage, 0.0))
        notes |= dict.fromkeys(part["notes"])
    changes = (_change(change) for part in parts for change in part["changes"])
    # The changes of a part already explain its failure.
    unexplained = [
        part for part in parts if part["failure"] and (not part["changes"] or part.get("broken"))
    ]
    failures = [
        part["failure"]
        for verdict in ("error", "no baseline")
        for part in unexplained
        if part["verdict"] == verdict
    ]
    return FlowReport(
        file=first["file"],
        flow=first["flow"],
        case=first["case"],
        verdict=worst(part["verdict"] for part in parts),
        seconds=tuple(seconds.items()),
        changes=tuple(sorted(changes, key=lambda change: change.kind != "policy")),
        nondeterministic=max(part["nondeterministic"] for part in parts),
        notes=tuple(notes),
        error=failures[0] if failures else None,
    )


def _change(fields: dict[str, Any]) -> Change:
    tuples = ("index", "explanation", "tasks")
    return Change(
        **fields | {key: tuple(fields[key]) for key in tuples if fields.get(key) is not None}
    )
