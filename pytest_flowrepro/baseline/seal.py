"""The seal of a baseline: a file that has a check of each line of the other files.

    seal-77d0c2a41b9e03f5.txt
        # Checks of every line of this recording, by pytest-flowrepro. Record again, do not edit.
        recording <SHA-256 of the names and contents of all other files>
        artifacts.json
        0a1b2c3d 4e5f6071 ...               a check for each line, in order
        values/41ab03c5d2e9f786.npz
        8c9d0e1f                            a check of the whole file, which has no lines
        end <SHA-256 of what is above>

Invariant: a baseline is whole if one of its seals equals the seal computed from its other files.
The seal is named after the recording, and its checks are salted with it, so that the seals of two
recordings have no line in common. When git merges two branches that recorded one flow again, each
branch removes the old seal and adds its own: both end up in the merge, neither fits, and each line
of the other files is in one of them. This distinguishes a merge, which no recording gave as a
whole, from an edit by hand. The check of a line covers the lines that enclose it, too: a merge
cannot move a digest to another artifact.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import zip_longest
from operator import contains
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.errors import broken, place
from pytest_flowrepro.baseline.folder import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"seal-[0-9a-f]{16}\.txt")
_RECORDING = re.compile(r"recording ([0-9a-f]{64})")
_CHECKS = re.compile(r"[0-9a-f]{8}(?: [0-9a-f]{8})*")
_INTRODUCTION = (
    "# Checks of every line of this recording, by pytest-flowrepro. Record again, do not edit."
)
_PER_LINE = 10


def is_seal(name: str) -> bool:
    """Return whether a file of this name is a seal."""
    return _NAME.fullmatch(name) is not None


def seal(files: Mapping[str, str], values: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and the text of the seal of a recording.

    `files` are texts by name, `values` the SHA-256 of stored values by name; equal ones give equal
    seals.
    """
    recording = _recording(files, values)
    lines = [_INTRODUCTION, f"recording {recording}"]
    for name, parts in _parts(files, values).items():
        checks = [_check(recording, name, part) for part in parts]
        rows = (checks[i : i + _PER_LINE] for i in range(0, len(checks), _PER_LINE))
        lines += (name, *map(" ".join, rows))
    return _seal_name(recording), _add_end("\n".join(lines))


def check_seals(
    files: Mapping[str, str], values: Mapping[str, str], seals: Mapping[str, str], *, folder: str
) -> bool:
    """Return whether the files are a merge of several recordings; False for one whole recording.

    `files`, `values` and the texts of the `seals` are by name, `folder` is for messages. Raises
    `BaselineError`, which names the file and the line, for anything else.
    """
    name = _seal_name(_recording(files, values))
    if name in seals and seal(files, values) == (name, seals[name]):
        return False
    if not seals:
        raise broken(
            folder or "the baseline",
            "has no seal (seal-*.txt), without which an edit by hand would not be noticed",
            hint="record the flow again with --flow-repro-update, and commit every file of the "
            "folder",
        )
    parsed_seals = [_parse(seals[file], place(folder, file)) for file in sorted(seals)]
    contents = _parts(files, values)
    for file in sorted(
        {file for parsed in parsed_seals for file in parsed.checks} - contents.keys()
    ):
        raise broken(place(folder, file), MISSING)
    for file, parts in contents.items():
        position = _first_unknown(file, parts, parsed_seals)
        if position is not None:
            line = f"line {position + 1} " if len(parts) > 1 else ""
            raise broken(place(folder, file), f"{line}is not as it was recorded")
    if len(parsed_seals) == 1:  # an edit whose short checks equal the recorded ones
        raise broken(folder or "the baseline", "is not as it was recorded")
    return True


def _recording(files: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Return the SHA-256 of the names and contents of all files."""
    named = (f"{_sha256(name)} {_sha256(content)}\n" for name, content in _sorted(files, values))
    return _sha256("".join(named))


def _seal_name(recording: str) -> str:
    return f"seal-{recording[:16]}.txt"


def _sorted(files: Mapping[str, str], values: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((*files.items(), *values.items()))


def _parts(files: Mapping[str, str], values: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the parts of each file that have a check: its lines, or a stored value as a whole."""
    return {
        name: [content] if name in values else list(_enclosed_lines(content))
        for name, content in _sorted(files, values)
    }


def _enclosed_lines(text: str) -> Iterator[str]:
    """Yield each line, below the less indented lines that enclose it."""
    enclosing: list[tuple[int, str]] = []
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        while enclosing and enclosing[-1][0] >= indent:
            enclosing.pop()
        above = enclosing[-1][1] if enclosing else ""
        enclosing.append((indent, f"{above}{line}\n"))
        yield enclosing[-1][1]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seal:
    recording: str
    checks: Mapping[str, tuple[str, ...]]
    """The checks of each file, one for each line, in order."""

    def of(self, file: str, parts: list[str]) -> list[str]:
        """Return the checks that the parts of a file should have."""
        return [_check(self.recording, file, part) for part in parts]


def _first_unknown(file: str, parts: list[str], parsed_seals: list[_Seal]) -> int | None:
    """Return the position of the first part that is in no recording, or None."""
    if len(parsed_seals) == 1:  # the order counts, too: a line may be missing or repeated
        pairs = zip_longest(parsed_seals[0].of(file, parts), parsed_seals[0].checks.get(file, ()))
        unlike = (position for position, (check, recorded) in enumerate(pairs) if check != recorded)
        position = next(unlike, None)
        return None if position is None else min(position, len(parts) - 1)
    recorded = [frozenset(parsed.checks.get(file, ())) for parsed in parsed_seals]
    checks_by_part = zip(*(parsed.of(file, parts) for parsed in parsed_seals), strict=True)
    known_somewhere = (any(map(contains, recorded, checks)) for checks in checks_by_part)
    return next(
        (position for position, is_known in enumerate(known_somewhere) if not is_known), None
    )


def _add_end(text: str) -> str:
    return f"{text}\nend {_sha256(text)}\n"


def _parse(text: str, file: str) -> _Seal:
    above, _, _ = text.removesuffix("\n").rpartition("\n")
    introduction, *lines = above.split("\n")
    header = _RECORDING.fullmatch(lines[0]) if lines else None
    if text != _add_end(above) or introduction != _INTRODUCTION or header is None:
        raise broken(file, "is not as it was recorded")
    if not file.endswith(_seal_name(header[1])):
        raise broken(file, f"is not named {_seal_name(header[1])}, as it was recorded")
    checks: dict[str, list[str]] = {}
    name = ""
    for line in lines[1:]:
        if _CHECKS.fullmatch(line):
            checks[name] += line.split(" ")
        else:
            name = line
            checks[name] = []
    return _Seal(recording=header[1], checks={n: tuple(c) for n, c in checks.items()})


def _check(recording: str, file: str, part: str) -> str:
    return _sha256(f"{recording}\0{file}\0{part}")[:8]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
