"""Decisions about proposals, and their lines in the history and in the list of rejections."""

from __future__ import annotations

import getpass
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from pytest_flowrepro.model import PARAMETERS
from pytest_flowrepro.report.text import label
from pytest_flowrepro.review.last_check import STATE, make_state_folder
from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.git import run_git
from pytest_flowrepro.support.json_node import JsonNode
from pytest_flowrepro.support.process import CommandNotFoundError
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Change, Recording
    from pytest_flowrepro.review.proposals import Proposal
    from pytest_flowrepro.support.strict_json import Json

_REJECTED = "rejected.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The person who accepted or rejected a proposal, the time and the reason."""

    who: str
    when: datetime
    reason: str

    @property
    def fields(self) -> dict[str, Json]:
        when = self.when.isoformat(timespec="seconds")
        return {"when": when, "who": self.who, "reason": self.reason}

    @property
    def rejection(self) -> str:
        """Return `rejected on 2027-03-31 by Jane Doe <jane@example.com>: wrong split`."""
        return f"rejected on {self.when.date()} by {self.who}: {self.reason}"


def decide(reason: str, *, root: Path) -> Decision:
    """Return a decision of the user, now."""
    return Decision(who=_user(root), when=datetime.now(UTC), reason=reason)


def _user(root: Path) -> str:
    """Return the name and address of the user for commits in `root`, else the login."""
    try:
        name, email = (
            done.stdout.strip() if done.ok else ""
            for done in (run_git("config", f"user.{key}", cwd=root) for key in ("name", "email"))
        )
    except CommandNotFoundError:
        name = email = ""
    if email:
        return f"{name} <{email}>".lstrip()
    return name or _login()


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for this user
        return "unknown"


# --- accepted -------------------------------------------------------------------------


def history_lines(proposal: Proposal, decision: Decision) -> Iterator[str]:
    """Yield a line for each accepted change; the tasks that set an artifact share one."""
    changes = proposal.changes
    if proposal.kind in {"artifact", "tasks"}:
        tasks: dict[str, Json] = {"tasks": len(changes)} if len(changes) > 1 else {}
        yield _line({**_change_fields(proposal.title, changes[0]), **tasks, **decision.fields})
        return
    for change in changes:
        place = f"{change.environment}: " if change.environment else ""
        yield _line({**_change_fields(f"{place}{label(change)}", change), **decision.fields})


def _change_fields(what: str, change: Change) -> dict[str, Json]:
    return {"what": what, "old": change.old, "new": change.new}


def _line(fields: dict[str, Json]) -> str:
    return visible(json.dumps(fields, ensure_ascii=False))


# --- rejected -------------------------------------------------------------------------


def change_digest(proposal: Proposal, observed: Recording) -> str:
    """Return a digest of what a proposal proposes, which is another one for another value."""
    digests = {
        (task, index, artifact.name): artifact.digest
        for task, index, artifacts in (
            (PARAMETERS, (), observed.parameters),
            *((task.step, task.index, task.artifacts) for task in observed.tasks),
        )
        for artifact in artifacts
    }
    is_of_values = proposal.kind in {"artifact", "tasks"}
    members = [
        (
            label(change),
            change.change,
            digests.get((change.step or PARAMETERS, change.index or (), change.name))
            if is_of_values
            # The new text is a version, a digest or a setting; the lines have other digests.
            else (change.new, change.explanation),
        )
        for change in proposal.changes
    ]
    text = json.dumps([proposal.key, members])
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def remember_rejection(
    proposal: Proposal, decision: Decision, *, observed: Recording, baseline: Path, root: Path
) -> None:
    """Add a rejection to the list of the project; raises `BaselineError` if that is impossible."""
    fields: dict[str, Json] = {
        "baseline": baseline.relative_to(root).as_posix(),
        "what": proposal.title,
        "digest": change_digest(proposal, observed),
        **decision.fields,
    }
    try:
        file = make_state_folder(root) / _REJECTED
        if file.is_symlink():  # not to write elsewhere
            file.unlink()
        with file.open("a", encoding="utf-8", newline="\n") as lines:
            lines.write(f"{_line(fields)}\n")
    except OSError as error:
        raise BaselineError(
            f"{STATE}/{_REJECTED} cannot be written: {error.strerror or error}",
            hint="free disk space or make the folder writable",
        ) from error


def rejections(baseline: Path, *, root: Path) -> Mapping[str, Decision]:
    """Return the rejections of changes of a baseline, by their digest; the last one counts."""
    try:
        text = (root / STATE / _REJECTED).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BaselineError(
            f"{STATE}/{_REJECTED} cannot be read: {error.strerror or error}",
            hint=f"delete {STATE}/{_REJECTED}, or make it a readable file",
        ) from error
    own = baseline.relative_to(root).as_posix()
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        node = JsonNode.parse(line, error=partial(_broken, number))
        if node.entry("baseline").text() == own:
            found[node.entry("digest").text()] = Decision(
                who=node.entry("who").text(),
                when=node.entry("when").time(),
                reason=node.entry("reason").text(),
            )
    return found


def _broken(line: int, reason: str) -> BaselineError:
    return BaselineError(
        f"{STATE}/{_REJECTED}, line {line}: {visible(reason)}",
        hint=f"delete this line of {STATE}/{_REJECTED}",
    )
