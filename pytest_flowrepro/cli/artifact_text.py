"""`flowrepro show ARTIFACTS.JSON`: the artifacts of a file, for `git diff` (a textconv of git)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.baseline import decode_artifacts, value_text
from pytest_flowrepro.cli.answer import Answer
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_flowrepro.model import Artifact


def show_artifacts(file: Path) -> Answer:
    """Return a line for each artifact in a file, with its step and index, but no digest.

    A long value follows in lines of its own, which are indented. So git names the artifact above
    each part of a diff. A file that cannot be read as artifacts is shown as it is: git has no diff
    of a file whose conversion fails. Raises `OSError`.
    """
    text = file.read_bytes().decode("utf-8-sig", errors="backslashreplace")
    try:
        tasks = decode_artifacts(text, file.as_posix())
    except BaselineError as error:
        return Answer(text=text, remark=f"flowrepro: {error.what}")
    lines = (
        line
        for task in tasks
        for artifact in task.artifacts
        for line in _lines(f"{task.title}.{artifact.name}: {artifact.type}", artifact)
    )
    return Answer(text="".join(f"{inert(line)}\n" for line in lines))


def _lines(name: str, artifact: Artifact) -> Iterator[str]:
    remarks: list[str] = []
    if artifact.determinism != "deterministic":
        remarks.append(artifact.determinism)
    if artifact.opaque:
        remarks.append("opaque")
    if artifact.structure is not None:
        remarks.append(f"structure {artifact.structure}")
    remark = f"  [{', '.join(remarks)}]" if remarks else ""
    value = value_text(artifact.value).split("\n")
    if artifact.determinism == "nondeterministic":
        yield f"{name}{remark}"
    elif len(value) == 1:
        yield f"{name} = {value[0]}{remark}"
    else:
        yield f"{name}{remark}"
        yield from (f"    {line}" for line in value)
