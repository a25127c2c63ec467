"""A stand-in git checkout in the copy of a project that is a git checkout itself.

Flows call git at import: for the commit, to store it with a model; for the top of the checkout, to
find their data. A rerun's copy has no history, and a flow that stores the commit would drift with
every commit. So the copy gets a repository of one commit whose id is always the same:
`git rev-parse HEAD`, `git log`, `git status` and the libraries that read `.git` themselves work,
and have the same results on every machine.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping

BRANCH = "main"

_WHO = "pytest-flowrepro <pytest-flowrepro@localhost> 946684800 +0000"  # 2000-01-01
_CONFIG = f"""\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
[remote "origin"]
\turl = https://localhost/pytest-flowrepro.git
\tfetch = +refs/heads/*:refs/remotes/origin/*
[branch "{BRANCH}"]
\tremote = origin
\tmerge = refs/heads/{BRANCH}
"""


def place_checkout(copy: Path, *, flow_file: Path, root: Path) -> None:
    """Make `copy`, a copy of `root`, look like a git checkout if `flow_file` is in one.

    Its top is that of the user's checkout, or the copy itself if that one begins above `root`.
    All files in the copy count as ignored: `git status` is clean. No git program is needed.
    Raises `PackageError` when `copy` cannot be written.
    """
    top = next((folder for folder in flow_file.parents if os.path.lexists(folder / ".git")), None)
    if top is None:
        return
    inside = top.relative_to(root) if top.is_relative_to(root) else Path()
    try:
        for name, content in _repository().items():
            file = copy / inside / ".git" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    except OSError as error:
        raise PackageError(
            f"{copy}: the stand-in git checkout cannot be written here",
            hint="check that the disk is not full and that the folder is writable",
            detail=str(error),
        ) from error


def _repository() -> Mapping[str, bytes]:
    """Return the files of `.git`, as in gitrepository-layout(5)."""
    tree, tree_file, tree_content = _loose("tree", b"")
    message = f"tree {tree}\nauthor {_WHO}\ncommitter {_WHO}\n\nAs pytest-flowrepro packaged it\n"
    commit, commit_file, commit_content = _loose("commit", message.encode())
    return {
        "HEAD": f"ref: refs/heads/{BRANCH}\n".encode(),
        "config": _CONFIG.encode(),
        "info/exclude": b"*\n",
        f"refs/heads/{BRANCH}": f"{commit}\n".encode(),
        f"refs/remotes/origin/{BRANCH}": f"{commit}\n".encode(),
        tree_file: tree_content,
        commit_file: commit_content,
    }


def _loose(kind: str, content: bytes) -> tuple[str, str, bytes]:
    """Return a loose object: its id, its file and that file's content."""
    stored = f"{kind} {len(content)}\0".encode() + content
    name = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
    return name, f"objects/{name[:2]}/{name[2:]}", zlib.compress(stored)
