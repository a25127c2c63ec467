"""`flowrepro diff`: the differences between the baselines of two revisions or folders."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline import find_baselines, flow_and_case, flow_file, read_baseline
from pytest_flowrepro.cli.answer import Answer
from pytest_flowrepro.cli.git import check_out_baselines
from pytest_flowrepro.diff import causes_of, diff_baselines, with_pictures
from pytest_flowrepro.model import FlowReport, Report
from pytest_flowrepro.report.run_info import run_info
from pytest_flowrepro.support.errors import BaselineError, FlowReproError
from pytest_flowrepro.support.git import commit_of, is_branch, merge_base_of, repository_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.model import Recording


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffRequest:
    """The two sides of a comparison, as they are named on the command line."""

    base: str
    """A revision or a folder."""
    head: str | None = None
    """The same; None for the working tree."""
    merge_base: bool | None = None
    """Compare with the commit where `head` left `base`; None: if `base` is a branch."""

    @classmethod
    def parse(cls, base: str, head: str | None, *, merge_base: bool | None) -> DiffRequest:
        """Return the request for `base` and `head`, or for `A..B` and `A...B` as `base`.

        As for `git diff`, a missing A or B is HEAD, and three dots mean the merge base.
        """
        if head is None and not Path(base).is_dir():
            for dots in ("...", ".."):
                first, found, last = base.partition(dots)
                if found:
                    return cls(base=first or "HEAD", head=last or "HEAD", merge_base=dots == "...")
        return cls(base=base, head=head, merge_base=merge_base)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """The baselines of one side of a comparison."""

    name: str
    root: Path

    def read(self, folder: Path) -> Recording | None:
        try:
            return read_baseline(self.root / folder, root=self.root)
        except BaselineError as error:
            what = f"In {self.name}: {error.what}"
            raise BaselineError(what, hint=error.hint, detail=error.detail) from error

    def folders(self) -> set[Path]:
        return {folder.relative_to(self.root) for folder in find_baselines(self.root)}


def compare_sides(
    request: DiffRequest, render: Callable[[Report], str], *, draws: bool = False
) -> Answer:
    """Compare the baselines of two sides, matched by path; `draws` adds pictures of values.

    The exit code is 1 for a difference, and 2 if a baseline cannot be read. Raises `FlowReproError`
    for a side that does not exist.
    """
    with tempfile.TemporaryDirectory(prefix="flowrepro-") as scratch:
        base, head = _sides(request, Path(scratch))
        folders = sorted(base.folders() | head.folders())
        compared = [_compare(folder, base, head, draws=draws) for folder in folders]
    reports = tuple(report for report in compared if report is not None)
    run = replace(run_info(Path.cwd(), "diff"), base=base.name, head=head.name)
    text = render(Report(flows=reports, run=run))
    if any(report.verdict == "error" for report in reports):
        return Answer(text=text, exit_code=2, remark="flowrepro: not every baseline could be read")
    if reports:
        moved = "" if base.name == request.base else f"compared with {base.name}"
        return Answer(text=text, exit_code=1, remark=moved)
    return Answer(text=text, remark=f"no differences between {base.name} and {head.name}")


def _sides(request: DiffRequest, scratch: Path) -> tuple[_Side, _Side]:
    repository = repository_of(Path.cwd())
    head_name = request.head or "HEAD"
    base_commit, head_commit = (
        commit_of(name, repository=repository) if repository else None
        for name in (request.base, head_name)
    )
    name, commit = request.base, base_commit
    if repository and base_commit and head_commit and _from_merge_base(request, repository):
        commit = merge_base_of(base_commit, head_commit, repository=repository)
        if commit is None:
            raise FlowReproError(
                f"{request.base} and {head_name} have no common commit in this clone",
                hint="fetch more of the history (`git fetch --unshallow`; `fetch-depth: 0` of "
                "actions/checkout), or pass --no-merge-base",
            )
        if commit != base_commit:
            name = f"{commit[:10]}, the merge base of {request.base} and {head_name}"
    base = _side(name, commit, repository, scratch / "base", folder=request.base)
    if request.head is None:
        # The whole working tree, also if called in a folder of it, as a revision is.
        return base, _Side(name="the working tree", root=repository or Path.cwd())
    return base, _side(request.head, head_commit, repository, scratch / "head", folder=request.head)


def _from_merge_base(request: DiffRequest, repository: Path) -> bool:
    if request.merge_base is None:
        return is_branch(request.base, repository=repository)
    return request.merge_base


def _side(
    name: str, commit: str | None, repository: Path | None, scratch: Path, *, folder: str
) -> _Side:
    """Return the baselines of a commit, else of a folder."""
    if repository and commit:
        scratch.mkdir()
        check_out_baselines(commit, repository=repository, folder=scratch)
        return _Side(name=name, root=scratch)
    if Path(folder).is_dir():
        return _Side(name=name, root=Path(folder).absolute())
    raise FlowReproError(
        f"{folder} is neither a revision of a git repository here nor a folder",
        hint="pass a branch, a tag, a commit or a folder; `git fetch` gets missing revisions",
    )


def _compare(folder: Path, base: _Side, head: _Side, *, draws: bool) -> FlowReport | None:
    """Return the differences of the two baselines in `folder`, or None."""
    flow, case = flow_and_case(folder)
    report = FlowReport(
        file=flow_file(folder).as_posix(),
        flow=flow,
        case=case,
        verdict="drifted",
        seconds=(),
        changes=(),
    )
    try:
        old, new = base.read(folder), head.read(folder)
    except BaselineError as error:
        return replace(report, verdict="error", error=str(error))
    if old == new:
        return None
    if new is None:
        return replace(report, verdict="no baseline", notes=(f"recorded in {base.name} only",))
    if old is None:
        return replace(report, verdict="recorded", notes=(f"recorded in {head.name} only",))
    changes = diff_baselines(old, new)
    if draws:
        changes = with_pictures(changes, old, new)
    causes = causes_of(old, new, changes)
    notes = () if changes else ("only fields that a check does not compare differ",)
    return replace(report, changes=changes, causes=causes, notes=notes)
