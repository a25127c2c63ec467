"""Addresses of pages of the documentation, for hints: an installed package has no docs folder."""

from __future__ import annotations

SITE = "https://pytest-flowrepro.readthedocs.io"
"""The `Documentation` of [project.urls]; a test compares the two.

It is not read from the installed metadata, because an error must not fail if that is missing.
"""


def docs(page: str) -> str:
    """Return the address of `reference/baseline#reading`, a page and a heading on it."""
    path, mark, heading = page.partition("#")
    return f"{SITE}/en/latest/{path}/{mark}{heading}"
