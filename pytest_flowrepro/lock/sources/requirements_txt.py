"""Read requirements files as pip does, as far as their requirements can be locked."""

from __future__ import annotations

import codecs
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.lock.sources.local_folder import referenced_folder
from pytest_flowrepro.lockfile.pypi import logical_lines
from pytest_flowrepro.lockfile.requirement import LOCAL_PATH, parse_requirement
from pytest_flowrepro.model import Constraints, LocalFolder, RequirementLine, Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Sequence

_INCLUDE = re.compile(
    r"(?P<option>-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc]))(?P<file>.+)"
)
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=|(?<=-e))(?P<target>.+)")
_EDITABLE_PATH = "an editable requirement is a path: write `-e ./lib`"
_HASH = re.compile(r"\s--hash[=\s]\S+")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
"""A reference that pip replaces by the value of an environment variable."""

# A UTF-16 mark is the beginning of a UTF-32 one, so the longer ones come first.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
_CODING = re.compile(rb"#.*?coding[:=]\s*(?P<name>[-\w.]+)")
_INDEX_OPTIONS = {
    "-i",
    "-f",
    "--index-url",
    "--pypi-url",
    "--extra-index-url",
    "--find-links",
    "--no-index",
    "--trusted-host",
}
_IMPLIED_OPTIONS = {"--require-hashes", "--prefer-binary", "--only-binary"}
"""Options that every lock and every build use anyway."""


def read_requirements_file(file: Path, *, root: Path) -> Requirements:
    """Return the requirements and constraints of a file and of those that it includes.

    Hashes are dropped: the lock has its own. Raises `LockError` with every problem of every
    file, each with the file and the line.
    """
    reading = _Reading(root=root)
    reading.read(file, constraint=False)
    return _requirements_of(reading, display_path(file, root))


def read_requirement_list(
    lines: Sequence[str], *, file: Path, root: Path, problems: Sequence[str]
) -> Requirements:
    """Read requirements as `read_requirements_file` does, from lines of a file in another format.

    `problems` are those that its reader already found.
    """
    reading = _Reading(root=root, problems=list(problems))
    source = display_path(file, root)
    for line in lines:
        if problem := reading.add(line, file, constraint=False):
            reading.problems.append(f"{source}: {problem}")
    return _requirements_of(reading, source)


def _requirements_of(reading: _Reading, source: str) -> Requirements:
    if reading.problems:
        raise LockError(
            f"{source} cannot be locked",
            hint="list packages from an index, with versions, and set package indexes in pip.conf "
            "or uv.toml",
            detail="\n".join(reading.problems),
        )
    return Requirements(
        requirements=tuple(dict.fromkeys(reading.requirements)),
        source=source,
        constraints=tuple(
            Constraints.of(file, tuple(dict.fromkeys(lines)))
            for file, lines in sorted(reading.constraints.items())
        ),
        folders=tuple(dict.fromkeys(reading.folders)),
    )


def display_path(file: Path, root: Path) -> str:
    """Return the path relative to the project folder, with `/`, and with `../` outside of it."""
    return Path(os.path.relpath(file, root)).as_posix()


@dataclass(kw_only=True, slots=True)
class _Reading:
    root: Path
    requirements: list[RequirementLine] = field(default_factory=list)
    constraints: dict[str, list[RequirementLine]] = field(default_factory=dict)
    """The file that has them -> its lines."""
    folders: list[LocalFolder] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    open_files: tuple[Path, ...] = ()

    def read(self, file: Path, *, constraint: bool) -> None:
        try:
            text = decode_requirements(file.read_bytes())
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self.problems.append(f"{display_path(file, self.root)}: cannot be read: {reason}")
            return
        self.open_files += (file.resolve(),)
        for number, line in logical_lines(text):
            if problem := self.add(line, file, constraint=constraint):
                self.problems.append(f"{display_path(file, self.root)}:{number}: {problem}")
        self.open_files = self.open_files[:-1]

    def add(self, line: str, file: Path, *, constraint: bool) -> str | None:
        """Add one line, and return its problem, if any."""
        variable = _VARIABLE.search(line)
        if variable and not _names_index(line):
            return (
                f"the variable {variable[0]} is not expanded, because a lock must not depend on "
                "environment variables; write the value itself"
            )
        return self._add(line, file, constraint=constraint)

    def _add(self, line: str, file: Path, *, constraint: bool) -> str | None:
        if match := _INCLUDE.fullmatch(line):
            is_constraint = constraint or match["option"] in {"-c", "--constraint"}
            return self._include(match["file"].strip("\"' "), file, constraint=is_constraint)
        editable = _EDITABLE.fullmatch(line)
        if line.startswith("-") and not editable:
            return _option_problem(line)
        bare = _HASH.sub("", editable["target"].strip("\"' ") if editable else line).strip()
        if " --" in bare:
            option = bare[bare.index(" --") + 1 :].split("=")[0].split()[0]
            return f"the option {option} of a requirement is not supported; remove it"
        requirement = parse_requirement(bare)
        if requirement == LOCAL_PATH and not constraint:
            return self._folder(bare, file)
        if isinstance(requirement, str) or editable:
            return requirement if isinstance(requirement, str) else _EDITABLE_PATH
        if constraint:
            self.constraints.setdefault(display_path(file, self.root), []).append(requirement)
        else:
            self.requirements.append(requirement)
        return None

    def _folder(self, text: str, file: Path) -> str | None:
        folder = referenced_folder(text, bases=(file.parent, self.root), root=self.root)
        if isinstance(folder, str):
            return folder
        self.folders.append(folder)
        return None

    def _include(self, name: str, file: Path, *, constraint: bool) -> str | None:
        if "://" in name:
            return (
                "a requirements file at a URL may change without notice; copy it into the project"
            )
        included = file.parent / name
        if not included.is_file():
            return f"{name} does not exist"
        if included.resolve() in self.open_files:
            return f"{name} includes itself"
        self.read(included, constraint=constraint)
        return None


def decode_requirements(data: bytes) -> str:
    """Decode a requirements file as pip does.

    The encoding is that of its byte order mark, else that of a `# -*- coding: ... -*-` comment in
    its first two lines, else UTF-8.

    pip falls back to the encoding of the locale, which differs between machines. Raises
    `ValueError` with the reason.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode(data.removeprefix(mark), encoding)
    for line in data.split(b"\n")[:2]:
        if named := _CODING.match(line):
            return _decode(data, named["name"].decode("ascii"))
    return _decode(data, "utf-8")


def _decode(data: bytes, encoding: str) -> str:
    name = encoding.upper() if encoding.startswith("utf") else encoding
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise ValueError(f"its encoding {name} is unknown to Python") from error
    except UnicodeError as error:
        raise ValueError(
            f"it is not {name}; save it as UTF-8, or name its encoding in the first line: "
            "`# -*- coding: latin-1 -*-`"
        ) from error


def _names_index(line: str) -> bool:
    option = re.split(r"[\s=]", line, maxsplit=1)[0]
    return option in _INDEX_OPTIONS or option[:2] in {"-i", "-f"}


def _option_problem(line: str) -> str | None:
    option = re.split(r"[\s=]", line, maxsplit=1)[0]
    if option in _IMPLIED_OPTIONS:
        return None
    if _names_index(line):
        return (
            f"{option[:2] if option[1] != '-' else option} names a package index; put it into "
            "pip.conf or uv.toml, so that neither its address nor its password is in the project"
        )
    return f"the option {option} is not supported; remove it"
