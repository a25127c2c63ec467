"""With answers from a list instead of a keyboard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from checks import last_check
from recorded_repository import record
from recordings import artifact, recording, step, task

from pytest_flowrepro.baseline import HISTORY, baseline_folder, read_baseline
from pytest_flowrepro.cli.walk import Terminal, walk_through
from pytest_flowrepro.review.last_check import keep_check

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording

BASE = recording()
OBSERVED = recording(
    task("start", artifact("rows", 101, type="int")),
    *(task("train", artifact("score", 0.95 + i / 100), index=(i,)) for i in range(2)),
    BASE.tasks[3],
)
QUESTION = "Accept this change [a,r,s,m,A,q,?]? "


class Typed:
    """Gives one answer after the other, and remembers everything that was shown."""

    def __init__(self, *answers: str | type[BaseException]) -> None:
        self.answers = list(answers)
        self.shown: list[str] = []
        self.terminal = Terminal(ask=self.ask, write=self.shown.append)

    def ask(self, prompt: str) -> str:
        self.shown.append(prompt)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return answer
        raise answer

    def walk(self, *flows: str) -> int:
        code = walk_through(flows, self.terminal).exit_code
        assert self.answers == []
        return code


@pytest.fixture
def folder(repository: Path) -> Path:
    """The folder of a baseline with a kept check."""
    return keep(repository, OBSERVED)


def keep(top: Path, observed: Recording) -> Path:
    baseline = replace(BASE, case=observed.case)
    folder = baseline_folder(top / "flows/train.py", observed.flow, observed.case)
    keep_check(last_check(observed, baseline=baseline, folder=folder), root=top)
    return folder


def values(folder: Path) -> list[object]:
    baseline = read_baseline(folder, root=folder.parents[3])
    assert baseline is not None
    return [a.value for one in baseline.tasks for a in one.artifacts]


def test_each_change_is_asked_for(folder: Path) -> None:
    typed = Typed("a", "more rows", "a", "")
    assert typed.walk() == 0
    assert values(folder) == [101, 0.95, 0.96]
    assert [line.rpartition('"reason": ')[2] for line in _history(folder)] == ['"more rows"}'] * 2
    assert typed.shown[:6] == [
        "flows/train.py::TrainFlow, checked 2026-03-01 12:30 UTC",
        "changed since the check: ../shared.csv, train.py",
        "",
        "(1/2) start.rows  changed: 100 -> 101",
        QUESTION,
        "Reason: ",
    ]
    assert typed.shown[7:9] == [
        "(2/2) train.score: 2 changes",
        "          train[0].score  changed: 0.91 -> 0.95",
    ]
    assert "Reason (Enter: more rows): " in typed.shown


def _history(folder: Path) -> list[str]:
    return (folder / HISTORY).read_text().splitlines()


def test_a_rejection_is_shown_in_the_next_walk(folder: Path) -> None:
    assert Typed("r", "a wrong file", "s").walk() == 1
    assert values(folder) == [100, 0.91, 0.93]
    typed = Typed("s", "s")
    assert typed.walk() == 1
    asked = typed.shown.index(QUESTION)
    assert typed.shown[asked - 1].startswith("      rejected on ")
    assert typed.shown[asked - 1].endswith(": a wrong file")


def test_all_of_a_flow_are_accepted_at_once(folder: Path) -> None:
    assert Typed("A", "", "more rows").walk() == 0
    assert values(folder) == [101, 0.95, 0.96]
    assert len(_history(folder)) == 2


def test_all_of_a_flow_does_not_mean_what_was_rejected(folder: Path) -> None:
    Typed("s", "r", "a wrong split").walk()
    assert Typed("A", "more rows").walk() == 1
    assert values(folder) == [101, 0.91, 0.93]


@pytest.mark.parametrize(
    "ending", [["q"], [EOFError], ["a", EOFError]], ids=["q", "Ctrl-D", "Ctrl-D for a reason"]
)
def test_an_early_end_keeps_the_answers(
    folder: Path, ending: list[str | type[BaseException]]
) -> None:
    assert Typed("a", "more rows", *ending).walk() == 1
    assert values(folder) == [101, 0.91, 0.93]


def test_a_reason_may_be_given_before(folder: Path) -> None:
    typed = Typed("a", "", "q")
    walk_through((), typed.terminal, reason="more rows")
    assert "Reason (Enter: more rows): " in typed.shown
    assert _history(folder)[0].endswith('"reason": "more rows"}')


def test_an_interrupt_keeps_the_answers(folder: Path) -> None:
    typed = Typed("a", "more rows", KeyboardInterrupt)
    assert typed.walk() == 130
    assert values(folder) == [101, 0.91, 0.93]
    assert "    accepted  start.rows  changed: 100 -> 101" in typed.shown


def test_a_quit_leaves_later_flows(repository: Path, folder: Path) -> None:
    record(repository, replace(BASE, case="small"))
    other = keep(repository, replace(OBSERVED, case="small"))
    Typed("q").walk()
    Typed("s", "s", "A", "why").walk()
    assert [values(folder), values(other)] == [[100, 0.91, 0.93], [101, 0.95, 0.96]]


def test_more_is_shown_on_request(repository: Path) -> None:
    rows = task("start", artifact("rows", {f"k{i}": "a" for i in range(9)}))
    long = task("start", artifact("rows", {f"k{i}": "b" for i in range(9)}))
    baseline = recording(rows, *BASE.tasks[1:])
    folder = record(repository, baseline)
    observed = recording(long, *BASE.tasks[1:])
    keep_check(last_check(observed, baseline=baseline, folder=folder), root=repository)
    typed = Typed("m", "s")
    typed.walk()
    first, second = (position for position, line in enumerate(typed.shown) if line == QUESTION)
    assert any("more line" in line for line in typed.shown[:first])
    assert not any("more line" in line for line in typed.shown[first:second])
    assert second - first > first


def test_many_changes_are_shown_on_request(repository: Path) -> None:
    more = (task("train", artifact("score", 1.5), index=(i,)) for i in range(2, 20))
    keep(repository, recording(*BASE.tasks[:3], *more, BASE.tasks[3]))
    typed = Typed("m", "s")
    typed.walk()
    assert "          ... 8 more changes" in typed.shown
    assert sum("step train[19]  added" in line for line in typed.shown) == 1


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("answer", ["?", "", "yes"])
def test_any_other_answer_shows_the_help(answer: str) -> None:
    typed = Typed(answer, "q")
    typed.walk()
    assert "a - accept: the new value becomes the recorded one" in typed.shown


def test_what_needs_a_recording_cannot_be_accepted(repository: Path) -> None:
    steps = (*BASE.steps[:3], step("check", "end"), BASE.steps[3])
    keep(repository, replace(BASE, steps=steps))
    typed = Typed("a", "A", "r", "later")
    assert typed.walk() == 1
    assert "      needs a recording, `pytest --flow-repro --flow-repro-update" in typed.shown[4]
    assert "Reject this change [r,s,m,q,?]? " in typed.shown
    assert "s - skip: leave the recorded value" in typed.shown
    assert not any(line.startswith(("a -", "A -")) for line in typed.shown)


def test_nothing_to_review(repository: Path) -> None:
    assert walk_through((), Typed().terminal).remark.startswith("nothing to review")
    assert repository.is_dir()


def test_only_a_colored_terminal_gets_colors(folder: Path) -> None:
    typed = Typed("q")
    walk_through((), replace(typed.terminal, is_colored=True))
    assert typed.shown[0] == (
        "\033[1mflows/train.py::TrainFlow, checked 2026-03-01 12:30 UTC\033[0m"
    )
    assert folder.is_dir()
