"""The paths that differ between a commit and the working tree, from git's objects alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.git import commit_of, merge_base_of, repository_of, run_git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LIMIT = 1 << 30
"""Bytes of an answer: a cut list would leave out changes."""
_LINK = "120000"
"""Git's mode of a symlink."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryChanges:
    """The differences of a working tree from one commit; paths are absolute, without links."""

    top: Path
    commit: str
    name: str
    """The commit in messages: `main`, `5f2c1a9b03, the merge base of main and HEAD`."""
    changed: frozenset[Path]
    """Files, links and submodules that were added, removed or changed. Files that git ignores are
    not among them."""
    links: Mapping[Path, frozenset[Path]]
    """The symlinks of either side, each with where it leads to."""

    def old_bytes(self, path: Path) -> bytes | None:
        """Return the content of a file in the commit; None if it has no such file."""
        name = f"{self.commit}:{path.relative_to(self.top).as_posix()}"
        done = run_git("cat-file", "blob", name, cwd=self.top, limit=_LIMIT)
        return done.stdout.encode("utf-8", "surrogateescape") if done.ok else None


def changes_since(revision: str, folder: Path) -> RepositoryChanges:
    """Return the differences of the working tree around `folder` from a revision.

    `REV...` means the commit where HEAD left REV, as for `git diff`. Nothing in the working tree
    or the index is touched. Raises `FlowReproError` outside of git, and for an unknown revision.
    """
    top = repository_of(folder)
    if top is None:
        raise FlowReproError(
            f"{folder} is not in a git repository, so what changed since {revision} is not known",
            hint="leave out --flow-repro-changed-since, or start pytest in a clone",
        )
    base, dots, _ = revision.partition("...")
    commit = commit_of(base or "HEAD", repository=top)
    name = base or "HEAD"
    if commit and dots:
        left = merge_base_of(commit, "HEAD", repository=top)
        name = f"{(left or '')[:10]}, the merge base of {name} and HEAD"
        commit = left
    if commit is None:
        raise FlowReproError(
            f"{revision} is not a revision that this clone has",
            hint="pass a branch, a tag or a commit; fetch it, and enough of its history (`git "
            "fetch --unshallow`; `fetch-depth: 0` of actions/checkout)",
        )
    entries = list(_entries(commit, top))
    untracked = _paths(_git("ls-files", "--others", "--exclude-standard", "-z", cwd=top), top)
    changed = frozenset([*(entry.path for entry in entries), *untracked])
    return RepositoryChanges(
        top=top, commit=commit, name=name, changed=changed, links=_links(entries, changed, top)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """A path that differs, with its mode and its blob in the commit."""

    path: Path
    mode: str
    blob: str


def _entries(commit: str, top: Path) -> Iterator[_Entry]:
    options = ("--raw", "-z", "--no-abbrev", "--no-renames", "--ignore-submodules=none")
    fields = iter(_git("diff", *options, commit, "--", cwd=top).split("\0"))
    for head in fields:
        if head:
            mode, _, blob, *_ = head.removeprefix(":").split()
            yield _Entry(path=top / next(fields), mode=mode, blob=blob)


def _links(
    entries: list[_Entry], changed: frozenset[Path], top: Path
) -> dict[Path, frozenset[Path]]:
    """Return the targets of each symlink, now and in the commit."""
    tracked = _git("ls-files", "--stage", "-z", cwd=top).split("\0")
    now = {top / line.partition("\t")[2] for line in tracked if line.startswith(_LINK)}
    targets: dict[Path, set[Path]] = {}
    for link in now | changed:
        if link.is_symlink():
            targets.setdefault(link, set()).add(_target(link, str(link.readlink())))
    for entry in entries:
        if entry.mode == _LINK:
            text = _git("cat-file", "blob", entry.blob, cwd=top)
            targets.setdefault(entry.path, set()).add(_target(entry.path, text))
    return {link: frozenset(paths) for link, paths in targets.items()}


def _target(link: Path, text: str) -> Path:
    return Path(os.path.normpath(link.parent / text))


def _paths(output: str, top: Path) -> list[Path]:
    return [top / name for name in output.split("\0") if name]


def _git(*args: str, cwd: Path) -> str:
    done = run_git("-c", "core.quotePath=false", *args, cwd=cwd, limit=_LIMIT)
    if not done.ok:
        raise FlowReproError(
            f"git could not compare the working tree: {done.ending}",
            hint="see git's output above; `git fsck` checks the repository",
            detail=done.stderr[-2000:],
        )
    return done.stdout
