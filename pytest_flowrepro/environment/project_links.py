"""The links of an installed distribution to its changelog or its project. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_flowrepro.support.text import is_web_address

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata

_LABELS = (
    *("changelog", "changes", "whatsnew", "history", "releasenotes"),
    *("homepage", "source", "repository", "sourcecode", "github"),
)
"""The labels to follow, the best first, normalized:
https://packaging.python.org/en/latest/specifications/well-known-project-urls/"""


def project_link(metadata: PackageMetadata) -> str | None:
    """Return the URL of the changelog, else of the project; None without a plain web address."""
    homepages = [("Homepage", url) for url in metadata.get_all("Home-page", [])]
    labelled = [line.partition(",")[::2] for line in metadata.get_all("Project-URL", [])]
    urls = {
        re.sub(r"[\W_]", "", label).lower(): url.strip() for label, url in (*homepages, *labelled)
    }
    links = (urls.get(label, "") for label in _LABELS)
    return next((link for link in links if is_web_address(link)), None)
