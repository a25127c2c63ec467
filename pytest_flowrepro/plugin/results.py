"""Puts the results of a session's tests together again: one `FlowReport` for each flow."""

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
    """What one test found out. Plain values: it crosses from an xdist worker as JSON."""

    verdict: Verdict
    changes: tuple[Change, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()
    nondeterministic: int = 0
    notes: tuple[str, ...] = ()
    idle: tuple[str, ...] | None = None
    """The project's patterns for which there was nothing to do; None where that is not known."""
    failure: str | None = None
    """The text of a test that does not pass."""
    in_call: bool = True
    """False for what broke before there was anything to test: an error, and no failure."""


_Key = tuple[str, str, str | None, str]


@dataclass(slots=True)
class SessionResults:
    """The results of a session's tests, and of those that were to run and have none."""

    _selected: dict[_Key, dict[str, Any]] = field(default_factory=dict)
    """Each test's identity (`PartItem.identity`), and its `nodeid`."""
    _results: dict[_Key, dict[str, Any]] = field(default_factory=dict)
    _failures: dict[str, str] = field(default_factory=dict)
    """By node id: what the tests failed by that have no result of their own."""
    _skipped: set[str] = field(default_factory=set)
    _started: set[str] = field(default_factory=set)

    def select(self, tests: Iterable[dict[str, Any]]) -> None:
        """Note tests that are to run."""
        self._selected |= {_key(test): test for test in tests}

    def start(self, nodeid: str) -> None:
        self._started.add(nodeid)

    def add(self, result: dict[str, Any]) -> None:
        """Note the result of a test; its last one counts."""
        self._results[_key(result)] = result

    def fail(self, nodeid: str, reason: str) -> None:
        """Note that a test failed otherwise, in its teardown or with the worker that ran it."""
        self._failures[nodeid] = reason

    def skip(self, nodeid: str) -> None:
        self._skipped.add(nodeid)

    def missing(self) -> list[dict[str, Any]]:
        """The tests that were to run and neither did nor were skipped, by their identities."""
        known = self._failures.keys() | self._skipped
        tests = self._selected.items()
        return [t for key, t in tests if key not in self._results and t["nodeid"] not in known]

    def all(self, *, ended: str = "") -> list[dict[str, Any]]:
        """One result for each test; `ended` says how the session ended, where that is known."""
        found = dict(self._results)
        for key, test in self._selected.items():
            if test["nodeid"] in self._failures:
                told = f"{_title(test)} {test['part']}: {self._failures[test['nodeid']]}"
                found[key] = _error(found.get(key, test), told)
        by_flow: dict[_Key, list[dict[str, Any]]] = {}
        for test in self.missing():
            by_flow.setdefault((*_key(test)[:3], ""), []).append(test)
        for tests in by_flow.values():
            told = "; ".join(self._not_run(tests)) + (f" ({ended})" if ended else "")
            found |= {_key(test): _error(test, f"{told}\n{_AGAIN}") for test in tests}
        return list(found.values())

    def _not_run(self, tests: list[dict[str, Any]]) -> Iterator[str]:
        begun = [test["part"] for test in tests if test["nodeid"] in self._started]
        never = [test["part"] for test in tests if test["nodeid"] not in self._started]
        if never:
            yield f"{_title(tests[0])}: {', '.join(never)} did not run"
        if begun:
            yield f"{_title(tests[0])}: {', '.join(begun)} did not run to the end"


_AGAIN = "What to do: run pytest again; nothing is known about what did not run"


def _key(test: dict[str, Any]) -> _Key:
    return test["file"], test["flow"], test["case"], test["part"]


def _title(test: dict[str, Any]) -> str:
    return f"{test['flow']}[{test['case']}]" if test["case"] else str(test["flow"])


def _error(test: dict[str, Any], told: str) -> dict[str, Any]:
    return {
        **asdict(PartResult(verdict="error")),
        **test,
        "verdict": "error",
        "failure": told,
        "broken": True,
    }


def flow_reports(
    results: Iterable[dict[str, Any]], *, fresh: bool = False
) -> tuple[FlowReport, ...]:
    """One report per flow and case, sorted, out of the plain values of its tests.

    `fresh`: packages were resolved anew; what moved is told in two sentences.
    """
    by_flow: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for result in results:
        key = (result["file"], result["flow"], result["case"] or "")
        by_flow.setdefault(key, []).append(result)
    reports = []
    for key in sorted(by_flow):
        # Under xdist they come as they end.
        report = _flow_report(sorted(by_flow[key], key=itemgetter("position")))
        parts = {part["part"] for part in by_flow[key]}
        reports.append(_with_moves(report, parts) if fresh else report)
    return tuple(reports)


def idle_patterns(results: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The project's patterns for which there was nothing to do in any flow.

    Empty where that is not known of one of the flows, as it ended with an error.
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
    """What lets a person upgrade with evidence: `3 packages moved`, `artifacts unchanged`."""
    if report.verdict not in {"reproduced", "drifted"}:
        return report
    notes = []
    if "environment" in parts:
        packages = (change for change in report.changes if change.kind == "package")
        moved = {change.name for change in packages if not change.declared}
        notes.append(f"{counted(len(moved), 'package')} moved" if moved else "no package moved")
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
        # A stage that several tests asked for took long for the first of them only.
        for stage, spent in part["seconds"]:
            seconds[stage] = max(spent, seconds.get(stage, 0.0))
        notes |= dict.fromkeys(part["notes"])
    changes = (_change(change) for part in parts for change in part["changes"])
    # What has changes of its own, those tell.
    untold = [
        part for part in parts if part["failure"] and (not part["changes"] or part.get("broken"))
    ]
    told = [
        part["failure"]
        for verdict in ("error", "no baseline")
        for part in untold
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
        error=told[0] if told else None,
    )


def _change(fields: dict[str, Any]) -> Change:
    tuples = ("index", "explanation", "tasks")
    return Change(
        **fields | {key: tuple(fields[key]) for key in tuples if fields.get(key) is not None}
    )
