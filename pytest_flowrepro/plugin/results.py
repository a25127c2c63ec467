"""The result of one test, as it crosses from an xdist worker to the controller."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.model import Card, Cause, Change, GraphStep, flow_title
from pytest_flowrepro.plugin.json_arrays import change_from, with_tuples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.model import RecordedAs, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class PartId:
    """The identity of one test in its session: one part of one case of a flow."""

    file: str
    """The flow's file relative to the project, with `/`."""
    flow: str
    case: str | None
    part: str
    """`code`, `environment` or `step[NAME]`."""
    position: int
    """The position among the tests of its flow."""
    tests: int
    """The number of tests of its flow, selected or not."""
    nodeid: str

    @property
    def flow_key(self) -> tuple[str, str, str | None]:
        """File, name and case of the flow."""
        return self.file, self.flow, self.case

    @property
    def title(self) -> str:
        return flow_title(self.flow, self.case)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> PartId:
        return cls(**fields)


@dataclass(frozen=True, kw_only=True, slots=True)
class PartResult:
    """The result of one test."""

    verdict: Verdict
    changes: tuple[Change, ...] = ()
    recorded: RecordedAs | None = None
    seconds: tuple[tuple[str, float], ...] = ()
    nondeterministic: int = 0
    notes: tuple[str, ...] = ()
    idle: tuple[str, ...] | None = None
    """The project's patterns that were not needed; None if that is not known."""
    failure: str | None = None
    """The text of a test that does not pass."""
    skipped: str | None = None
    """The reason why there is nothing to compare, where another test of the flow fails for it."""
    in_call: bool = True
    """False if setup broke: then it is an error, not a failure."""
    is_broken: bool = False
    """True if something other than the check made the test fail: `changes` do not explain it."""
    after: tuple[str, ...] = ()
    """The flows that ran before it, by file and name."""
    causes: tuple[Cause, ...] = ()
    graph: tuple[GraphStep, ...] = ()
    cards: tuple[Card, ...] = ()
    """For a step: the cards of its tasks."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> PartResult:
        changes = tuple(map(change_from, fields["changes"]))
        causes = tuple(Cause(**with_tuples(cause)) for cause in fields["causes"])
        graph = tuple(GraphStep(**with_tuples(step)) for step in fields["graph"])
        cards = tuple(Card(**with_tuples(card)) for card in fields["cards"])
        values = {"changes": changes, "causes": causes, "graph": graph, "cards": cards}
        return cls(**{**with_tuples(fields), **values})
