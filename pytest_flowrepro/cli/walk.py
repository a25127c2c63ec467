"""The walk through the changes of a flow on a terminal, one question for each."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_flowrepro.cli.answer import INTERRUPTED, Answer
from pytest_flowrepro.cli.review import Answers, Reviews, headline, remarks
from pytest_flowrepro.report.text import delta, inert, label, tags
from pytest_flowrepro.review.decisions import decide
from pytest_flowrepro.review.flow_review import open_review
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_flowrepro.model import Change
    from pytest_flowrepro.review.decisions import Decision
    from pytest_flowrepro.review.flow_review import FlowReview
    from pytest_flowrepro.review.proposals import Proposal

Style: TypeAlias = Literal["bold", "yellow"]

_CODES: dict[Style, str] = {"bold": "1", "yellow": "33"}
_CHANGES = 10
_LINES = 5
"""Numbers of changes, and of lines of an explanation, that are shown at first."""
_HELP = """\
a - accept: the new value becomes the recorded one
r - reject: leave the recorded value; the next checks name this change as rejected
s - skip: leave the recorded value
m - show all of it
A - accept this change, and all later ones of this flow that were not rejected before
q - quit: the answers until now are kept
? - show this help"""
_BLOCKED_HELP = "\n".join(line for line in _HELP.splitlines() if line[0] not in "aA")


@dataclass(frozen=True, kw_only=True, slots=True)
class Terminal:
    """Asks for a line of input, and shows a line."""

    ask: Callable[[str], str] = input
    """Raises `EOFError` or `KeyboardInterrupt`."""
    write: Callable[[str], object] = print
    is_colored: bool = False

    @classmethod
    def of_process(cls) -> Terminal:
        """Return the terminal of this process; raise `FlowReproError` without one."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise FlowReproError(
                "`flowrepro review` asks questions, and stdin or stdout is not a terminal",
                hint="pass --accept PATTERN and --reason TEXT, or run `flowrepro accept --last`",
            )
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # also for the prompts of `input`
        dumb = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(is_colored=not dumb)

    def show(self, text: str = "", style: Style | None = None) -> None:
        self.write(self._styled(text, style))

    def question(self, text: str) -> str:
        return self.ask(self._styled(text, "bold") + " ").strip()

    def _styled(self, text: str, style: Style | None) -> str:
        return f"\033[{_CODES[style]}m{text}\033[0m" if style and self.is_colored else text


def walk_through(flows: tuple[str, ...], terminal: Terminal, *, reason: str = "") -> Answer:
    """Ask about each change of the flows; `reason` is the one for an empty line.

    The answers are written when all of a flow are given, and also after q, Ctrl-D and Ctrl-C. The
    exit code is that of `review_flows`.
    """
    reviews, walk = Reviews(show=terminal.show), Walk(terminal=terminal, reason=reason)
    for review in reviews.open(flows):
        answers = walk.answer(review)
        terminal.show()
        reviews.settle(review, answers)
        terminal.show()
        if answers.interrupted:
            return replace(reviews.answer(), exit_code=INTERRUPTED)
        if answers.is_last:
            break
    return reviews.answer()


@dataclass(kw_only=True, slots=True)
class Walk:
    """The questions and the answers; it remembers the last reason."""

    terminal: Terminal
    reason: str = ""
    _accepted: list[tuple[Proposal, Decision]] = field(default_factory=list)
    _rejected: list[tuple[Proposal, Decision]] = field(default_factory=list)

    def answer(self, review: FlowReview) -> Answers:
        """Ask about each proposal of a flow."""
        self._accepted, self._rejected = [], []
        is_last = interrupted = False
        when = f"{review.check.when:%Y-%m-%d %H:%M} UTC"
        self.terminal.show(f"{inert(review.title)}, checked {when}", "bold")
        if edited := review.edited():
            names = ", ".join(edited)
            self.terminal.show(inert(f"changed since the check: {names}"), "yellow")
        try:
            is_last = not self._ask_all(review)
        except EOFError:
            is_last = True
        except KeyboardInterrupt:
            is_last = interrupted = True
        return Answers(
            accepted=tuple(self._accepted),
            rejected=tuple(self._rejected),
            is_last=is_last,
            interrupted=interrupted,
        )

    def _ask_all(self, review: FlowReview) -> bool:
        """Ask about all proposals; return whether to go on to the next flow."""
        for number, proposal in enumerate(review.proposals, 1):
            self.terminal.show()
            place = f"({number}/{len(review.proposals)})"
            for line in _lines(proposal, changes=_CHANGES, lines=_LINES):
                self.terminal.show(f"{place} {line}", "bold" if place.strip() else None)
                place = " " * len(place)
            for line in remarks(review, proposal):
                self.terminal.show(f"{place} {line}", "yellow")
            match self._ask(review, proposal):
                case "q":
                    return False
                case "a":
                    self._accepted.append((proposal, self._decide(review)))
                case "r":
                    self._rejected.append((proposal, self._decide(review)))
                case "A":
                    decision = self._decide(review)
                    later = review.proposals[number:]
                    others = (p for p in later if not p.needs_recording and not review.rejection(p))
                    self._accepted += ((p, decision) for p in (proposal, *others))
                    return True
        return True

    def _ask(self, review: FlowReview, proposal: Proposal) -> str:
        """Return a, r, s, A or q."""
        is_blocked = proposal.needs_recording is not None
        keys = "rsmq?" if is_blocked else "arsmAq?"
        while True:
            verb = "Reject" if is_blocked else "Accept"
            key = self.terminal.question(f"{verb} this change [{','.join(keys)}]?")
            if key == "m":
                for line in _lines(_in_full(review, proposal)):
                    self.terminal.show(line)
            elif key in set(keys) - {"?"}:
                return key
            else:
                for line in (_BLOCKED_HELP if is_blocked else _HELP).splitlines():
                    self.terminal.show(line)

    def _decide(self, review: FlowReview) -> Decision:
        """Ask for the reason; an empty line means the one before."""
        before = f" (Enter: {inert(self.reason)})" if self.reason else ""
        reason = ""
        while not reason:
            reason = self.terminal.question(f"Reason{before}:") or self.reason
        self.reason = reason
        return decide(reason, root=review.root)


def _in_full(review: FlowReview, proposal: Proposal) -> Proposal:
    """Return a proposal with all lines of its explanations."""
    detailed = open_review(review.check.baseline, root=review.root, details=True)
    found = detailed.proposals if detailed else ()
    return next((other for other in found if other.key == proposal.key), proposal)


def _lines(
    proposal: Proposal, *, changes: int | None = None, lines: int | None = None
) -> Iterator[str]:
    """Yield the lines of a proposal: a headline, then each change with its explanation."""
    if len(proposal.changes) == 1:
        yield headline(proposal)
        yield from _explanation(proposal.changes[0], lines)
        return
    yield inert(f"{proposal.title}: {counted(len(proposal.changes), 'change')}")
    for change in proposal.changes[:changes]:
        words = (f"{label(change)}  {delta(change)}", *tags(change))
        yield f"    {inert('   '.join(words))}"
        yield from (f"    {line}" for line in _explanation(change, lines))
    if changes is not None and len(proposal.changes) > changes:
        yield f"    ... {counted(len(proposal.changes) - changes, 'more change')}"


def _explanation(change: Change, lines: int | None) -> Iterator[str]:
    shown = change.explanation[:lines]
    yield from (f"    {inert(line)}" for line in shown)
    if len(shown) < len(change.explanation):
        yield f"    ... {counted(len(change.explanation) - len(shown), 'more line')}"
