from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING, cast

import pytest

from pytest_flowrepro.environment.project_links import project_link

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata


def link(*headers: tuple[str, str]) -> str | None:
    metadata = Message()
    for name, value in headers:
        metadata[name] = value
    return project_link(cast("PackageMetadata", metadata))


@pytest.mark.parametrize(
    "label", ["Changelog", "Changes", "What's New", "History", "Release notes", "release_notes"]
)
def test_the_changelog_comes_before_other_links(label: str) -> None:
    assert (
        link(
            ("Project-URL", "Homepage, https://x.example/"),
            ("Project-URL", f"{label}, https://x.example/changes"),
            ("Project-URL", "Source, https://x.example/source"),
        )
        == "https://x.example/changes"
    )


def test_without_a_changelog_the_project_is_linked() -> None:
    documentation = ("Project-URL", "Documentation, https://x.example/docs")
    source = ("Project-URL", "Source Code, https://x.example/source")
    home = ("Home-page", "https://x.example/")
    assert link(documentation, source, home) == "https://x.example/"
    assert link(documentation, source) == "https://x.example/source"
    assert link(documentation) is None


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x.example/) [evil](https://evil.example", "UNKNOWN", ""]
)
def test_a_link_that_is_not_a_plain_web_address_is_passed_over(url: str) -> None:
    home = ("Home-page", "https://x.example/")
    assert link(("Project-URL", f"Changelog, {url}"), home) == "https://x.example/"
    assert link(("Home-page", url)) is None


def test_a_line_without_a_label_is_not_a_link() -> None:
    assert link(("Project-URL", "https://x.example/")) is None
