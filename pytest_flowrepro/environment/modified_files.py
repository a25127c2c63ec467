"""Changes in the environments of a flow while it ran."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_flowrepro.environment import edited_files
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.model import BuiltEnvironment

_SITE_PACKAGES = re.compile(r"^lib/[^/]+/site-packages/")


def edited_environments(title: str, environments: Iterable[BuiltEnvironment]) -> tuple[str, ...]:
    """Return a sentence if installed files changed while the flow `title` used its environments.

    The author of the edit is not known: another flow may run in the same environment at the same
    time, or in one with the same files. The bytecode of these files is deleted, so that no later
    environment uses it.
    """
    paths: dict[str, None] = {}
    for built in {built.path: built for built in environments}.values():
        edited = edited_files(built.path)
        paths |= dict.fromkeys(_SITE_PACKAGES.sub("", path) for path in edited)
    if not paths:
        return ()
    what = f"installed files were changed: {truncate_list(list(paths), 3)}"
    return (f"while {title} ran, {what}; the next flow gets a fresh environment",)
