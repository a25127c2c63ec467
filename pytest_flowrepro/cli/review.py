"""`flowrepro review` and `flowrepro accept`: decide on what the last checks found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_flowrepro.cli.answer import Answer
from pytest_flowrepro.cli.flow_names import file_and_name, is_meant, not_recorded, recorded_folders
from pytest_flowrepro.report.text import delta, inert, label, tags
from pytest_flowrepro.review.decisions import Decision, decide
from pytest_flowrepro.review.flow_review import FlowReview, open_review
from pytest_flowrepro.review.last_check import STATE, kept_checks
from pytest_flowrepro.review.selection import check_selected, selects
from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_flowrepro.review.proposals import Proposal


_NOTHING = (
    "nothing to review: no failed check is kept here\n"
    "`pytest --flow-repro` keeps the check of a flow that it reruns and that drifts; "
    "`-k environment` reruns nothing"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """The answers to the proposals of one flow; what is in neither is left as it is."""

    accepted: tuple[tuple[Proposal, Decision], ...] = ()
    rejected: tuple[tuple[Proposal, Decision], ...] = ()
    is_last: bool = False
    """True if the flows after it are left as they are."""
    interrupted: bool = False


class Answering(Protocol):
    """Answers the proposals of one flow."""

    def __call__(self, review: FlowReview, /) -> Answers: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """The answers of a command line."""

    accept: tuple[str, ...] | None
    """Patterns; None for everything that was not rejected before."""
    reject: tuple[str, ...] = ()
    reason: str

    def check(self, reviews: list[FlowReview]) -> None:
        """Raise `FlowReproError` for a pattern that matches nothing."""
        proposals = [proposal for review in reviews for proposal in review.proposals]
        check_selected((*(self.accept or ()), *self.reject), proposals)

    def __call__(self, review: FlowReview, /) -> Answers:
        decision = decide(self.reason, root=review.root)
        rejected = [p for p in review.proposals if any(selects(name, p) for name in self.reject)]
        accepted = [
            p
            for p in review.proposals
            if p not in rejected and not p.needs_recording and self._accepts(review, p)
        ]
        return Answers(
            accepted=tuple((proposal, decision) for proposal in accepted),
            rejected=tuple((proposal, decision) for proposal in rejected),
        )

    def _accepts(self, review: FlowReview, proposal: Proposal) -> bool:
        if self.accept is None:
            return review.rejection(proposal) is None
        return any(selects(pattern, proposal) for pattern in self.accept)


@dataclass(kw_only=True, slots=True)
class Reviews:
    """The reviews of the kept checks, and the errors of those that are not possible."""

    show: Callable[[str], None]
    exit_code: int = 0
    found: int = 0
    """The number of kept checks."""
    errors: list[BaselineError] = field(default_factory=list)

    def open(self, flows: tuple[str, ...]) -> Iterator[FlowReview]:
        for root, folder in _kept(flows):
            self.found += 1
            try:
                review = open_review(folder, root=root)
            except BaselineError as error:
                self.errors.append(error)
                continue
            if review is not None:
                yield review

    def settle(self, review: FlowReview, answers: Answers) -> None:
        """Write what was answered, and show what became of each proposal."""
        try:
            review.accept(answers.accepted)
            review.reject(answers.rejected)
        except BaselineError as error:
            self.errors.append(error)
            return
        self.show(inert(review.title))
        accepted = [proposal for proposal, _ in answers.accepted]
        rejected = [proposal for proposal, _ in answers.rejected]
        for proposal in review.proposals:
            if proposal in accepted:
                verb = "accepted"
            else:
                verb = "rejected" if proposal in rejected else "left"
                self.exit_code = max(self.exit_code, int(proposal.gated))
            self.show(f"    {verb:<8}  {headline(proposal)}")
            if verb == "left":
                for line in remarks(review, proposal):
                    self.show(f"        {line}")
        if accepted:
            # Not only the baseline's own folder: a lock may have changed, too.
            folder = review.check.baseline.relative_to(review.root).parent.parent
            self.show(f"    commit {inert(folder.as_posix())}")

    def answer(self, text: str = "") -> Answer:
        """Return the answer of the command, with the text for stdout."""
        nothing = "" if self.found else _NOTHING
        return Answer(
            text=text,
            exit_code=2 if self.errors else self.exit_code,
            remark="\n".join(f"flowrepro: {error}" for error in self.errors) or nothing,
        )


def review_flows(flows: tuple[str, ...], selected: Selected) -> Answer:
    """Answer the proposals of the flows as a command line says.

    The exit code is 0 if a check would pass now, 1 if it would not, 2 for an error.
    """
    lines: list[str] = []
    reviews = Reviews(show=lines.append)
    opened = [*reviews.open(flows)]
    if opened:
        selected.check(opened)
    for review in opened:
        reviews.settle(review, selected(review))
    return reviews.answer("".join(f"{line}\n" for line in lines))


def headline(proposal: Proposal) -> str:
    """Return one line on a proposal: `train.score  changed: 0.91 -> 0.93`."""
    change = proposal.changes[0]
    if len(proposal.changes) == 1:
        return "   ".join((inert(f"{label(change)}  {delta(change)}"), *map(inert, tags(change))))
    first = f"{label(change)} {delta(change)}"
    return inert(f"{proposal.title}  {counted(len(proposal.changes), 'change')}: {first}, ...")


def remarks(review: FlowReview, proposal: Proposal) -> Iterator[str]:
    """Yield what to know before accepting a proposal."""
    rejection = review.rejection(proposal)
    if rejection is not None:
        yield inert(rejection.rejection)
    if proposal.needs_recording is not None:
        # A recording keeps the lock otherwise.
        lock = " --flow-repro-env=fresh" if review.check.fresh else ""
        record = f"pytest --flow-repro --flow-repro-update{lock} {review.file}"
        yield inert(f"needs a recording, `{record}`: {proposal.needs_recording}")


def _kept(flows: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
    """Yield project and baseline folder of each kept check of the flows, of all without any."""
    for flow in flows:
        if not recorded_folders(flow):
            raise not_recorded(flow)
    files = [file_and_name(flow)[0] for flow in flows] or [None]
    starts = [Path.cwd() if file is None else file.absolute().parent for file in files]
    for root in dict.fromkeys(filter(None, map(_project_with_checks, starts))):
        for folder in kept_checks(root):
            if not flows or any(is_meant(folder, flow) for flow in flows):
                yield root, folder


def _project_with_checks(start: Path) -> Path | None:
    """Return the nearest folder with kept checks, at or above `start`."""
    return next((path for path in (start, *start.parents) if (path / STATE).is_dir()), None)
