"""`flowrepro cache` and `flowrepro clean`: the user's caches, shown and deleted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.cli.answer import Answer
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.support.amounts import age_text, size_text
from pytest_flowrepro.support.cache import KINDS, cache_root
from pytest_flowrepro.support.cache_cleanup import (
    read_contents,
    remove_entries,
    running_sessions,
    selected,
)
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_flowrepro.support.cache_cleanup import CacheEntry, Removal


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanRequest:
    unused_for: float
    """Seconds; 0 for entries of any age."""
    max_size: int | None
    """Bytes that may stay; None without a limit."""
    is_dry: bool


def show_cache() -> Answer:
    """Return the number, the size and the age of the entries of each kind, and the total."""
    contents, now = read_contents(), time.time()
    lines = [f"{'kind':<14}{'entries':>8}{'size':>11}  last used"]
    for kind in KINDS:
        entries = [entry for entry in contents.entries if entry.kind == kind]
        if entries:
            lines.append(_row(kind, entries, now))
    lines.append(_row("total", contents.entries, now))
    remarks = [str(cache_root())]
    if running := running_sessions():
        remarks.append(
            f"in use now, by {running} {'process' if running == 1 else 'processes'} of pytest"
        )
    if contents.foreign:
        remarks.append(f"not of pytest-flowrepro, and never deleted: {_shown(contents.foreign)}")
    return Answer(text="\n".join(lines), remark="\n".join(remarks))


def clean_cache(request: CleanRequest) -> Answer:
    """Delete entries, or only list them, and return them with the bytes that this frees.

    Raises `FlowReproError` if an entry could not be deleted.
    """
    contents = read_contents()
    entries = selected(contents.entries, unused_for=request.unused_for, max_size=request.max_size)
    if request.is_dry:
        return Answer(
            text=_listed(entries), remark=f"{_size(entries)} would be deleted from {cache_root()}"
        )
    outcome = remove_entries(entries)
    if outcome.failed:
        raise _not_deleted(outcome)
    remarks = [f"{_size(outcome.removed)} deleted from {cache_root()}"]
    if outcome.in_use:
        remarks.append(f"{_size(outcome.in_use)} kept, which a running session uses")
    if contents.foreign:
        remarks.append(f"not of pytest-flowrepro, and left alone: {_shown(contents.foreign)}")
    return Answer(text=_listed(outcome.removed), remark="\n".join(remarks))


def _row(kind: str, entries: Iterable[CacheEntry], now: float) -> str:
    entries = tuple(entries)
    ages = sorted(now - entry.used for entry in entries)
    if not ages:
        used = "never"
    elif age_text(ages[0]) == age_text(ages[-1]):
        used = f"{age_text(ages[0])} ago"
    else:
        used = f"{age_text(ages[0])} to {age_text(ages[-1])} ago"
    return f"{kind:<14}{len(entries):>8}{_size(entries):>11}  {used}"


def _listed(entries: Iterable[CacheEntry]) -> str:
    return "".join(f"{size_text(entry.size):>10}  {inert(entry.label)}\n" for entry in entries)


def _size(entries: Iterable[CacheEntry]) -> str:
    return size_text(sum(entry.size for entry in entries))


def _shown(paths: Iterable[Path]) -> str:
    root = cache_root()
    return truncate_list([inert(path.relative_to(root).as_posix()) for path in paths])


def _not_deleted(outcome: Removal) -> FlowReproError:
    reasons = [f"{inert(str(path))}: {reason}" for path, reason in outcome.failed.items()]
    return FlowReproError(
        f"{len(outcome.failed)} of the files in {cache_root()} could not be deleted; "
        f"{_size(outcome.removed)} were",
        hint="let this user write there, and run again",
        detail="\n".join(reasons[:20]),
    )
