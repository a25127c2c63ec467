"""Reports whose texts all differ and may be hostile, for hypothesis."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from flow_reports import ATTACKS, RUN
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from pytest_flowrepro.model import (
    VERDICTS,
    Card,
    Cause,
    CauseKind,
    Change,
    ChangeKind,
    FlowReport,
    GraphStep,
    Obsolete,
    RecordedAs,
    Report,
    StepState,
    Uncollected,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")
Word = Literal["added", "removed", "changed", "unread"]
STATES: tuple[Literal["rendered", "failed"], ...] = ("rendered", "failed")

FRAGMENTS = st.sampled_from(("", *ATTACKS)) | st.text(max_size=6)


class Drawing:
    """Draws the parts of a report all of whose texts differ, and may be hostile."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.numbers = count(100)

    def text(self, kind: str) -> str:
        return f"{kind}{next(self.numbers)}{self.draw(FRAGMENTS)}"

    def maybe(self, kind: str) -> str | None:
        return self.text(kind) if self.draw(st.booleans()) else None

    def texts(self, kind: str, most: int) -> tuple[str, ...]:
        return tuple(self.text(kind) for _ in range(self.draw(st.integers(0, most))))

    def one(self, words: Iterable[T]) -> T:
        return self.draw(st.sampled_from(tuple(words)))

    def change(self) -> Change:
        kind = self.one(get_args(ChangeKind))
        words: tuple[Word, ...] = ("added", "removed", "changed")
        word = self.one((*words, "unread") if kind == "artifact" else words)
        has_values = word == "unread" or self.draw(st.booleans())
        drawn = Change(
            kind=kind,
            change=word,
            name=self.text("name"),
            old=self.text("old") if has_values and word != "added" else None,
            new=self.text("new") if has_values and word != "removed" else None,
            gated=self.draw(st.booleans()),
            explanation=self.texts("line", 3),
        )
        match kind:
            case "policy":
                weakens = self.draw(st.booleans())
                return replace(drawn, setting=self.text("setting"), weakens=weakens)
            case "package" | "python":
                via = self.texts("via", 3)
                return replace(drawn, environment=self.text("environment"), via=via)
            case "code":
                return replace(drawn, loaded=self.one((True, False, None)))
            case "system":
                return drawn
        drawn = replace(
            drawn,
            origin=self.one(("first", "derived")),
            within=None if drawn.gated else self.maybe("within"),
            accepted_by=None if drawn.gated else self.maybe("plugin"),
        )
        if kind == "artifact":
            index = (next(self.numbers),)
            return replace(drawn, step=self.text("step"), index=index, tasks=(1, 99))
        return drawn

    def graph(self) -> Iterator[GraphStep]:
        names = self.texts("step", 2)
        for number, name in enumerate(names):
            yield GraphStep(
                name=name,
                type=self.text("type"),
                next=names[number + 1 : number + 2],
                state=self.one(get_args(StepState)),
            )

    def cards(self) -> Iterator[Card]:
        for type_ in self.texts("card", 2):
            step, state = self.text("step"), self.one(STATES)
            yield Card(step=step, index=(1,), type=type_, id=self.maybe("id"), state=state)

    def flow(self) -> FlowReport:
        verdict = self.one(VERDICTS)
        causes = self.texts("cause", 2)
        return FlowReport(
            file=self.text("file"),
            flow=self.text("Flow"),
            case=self.maybe("case"),
            verdict=verdict,
            seconds=tuple((stage, 1.25) for stage in self.texts("stage", 2)),
            changes=tuple(self.change() for _ in range(self.draw(st.integers(0, 4)))),
            causes=tuple(Cause(kind=self.one(get_args(CauseKind)), text=text) for text in causes),
            recorded=self.one(get_args(RecordedAs)) if verdict == "recorded" else None,
            nondeterministic=self.draw(st.integers(0, 2)),
            notes=self.texts("note", 2),
            error=self.text("error") if verdict in {"error", "no baseline"} else None,
            after=self.texts("after", 1),
            graph=tuple(self.graph()),
            cards=tuple(self.cards()),
        )


@st.composite
def reports(draw: st.DrawFn) -> Report:
    of = Drawing(draw)
    run = replace(
        RUN,
        version=of.text("version"),
        platform=of.text("platform"),
        python=of.text("python"),
        branch=of.maybe("branch"),
        folder=of.maybe("folder") or "",
        selection=(of.text("selection"),),
    )
    return Report(
        flows=tuple(of.flow() for _ in range(draw(st.integers(0, 3)))),
        run=run,
        obsolete=tuple(
            Obsolete(folder=folder, reason=of.text("reason")) for folder in of.texts("folder", 1)
        ),
        unused_patterns=of.texts("pattern", 1),
        uncollected=tuple(
            Uncollected(file=file, error=of.text("error")) for file in of.texts("file", 2)
        ),
    )


EXAMPLES = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
