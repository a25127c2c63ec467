"""Errors about the files of a baseline, each with a hint how to restore the file."""

from __future__ import annotations

from functools import partial

from pytest_flowrepro.support.docs import docs
from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.json_node import JsonNode
from pytest_flowrepro.support.text import visible


def broken(file: str, reason: str, *, hint: str = "") -> BaselineError:
    """Return an error about a file of a baseline, with a hint how to restore the file."""
    restore = (
        f"restore the committed file with `git checkout -- {file}`, or record the flow again "
        f"with --flow-repro-update; see {docs('reference/baseline#reading')}"
    )
    return BaselineError(f"{visible(file)}: {visible(reason)}", hint=hint or restore)


def place(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def parse_document(text: str, file: str) -> JsonNode:
    """Parse a JSON file; raise `BaselineError`, with the line at fault."""
    return JsonNode.parse(text, error=partial(broken, file))
