"""Each address that a message gives is that of a page and a heading in docs/."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_flowrepro
from pytest_flowrepro.support.docs import SITE, docs

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(pytest_flowrepro.__file__).parent
ROOT = Path(__file__).parents[3]


def named_pages() -> Iterator[str]:
    """Yield the pages that the source names; fail for one that is not a literal."""
    texts = {file: file.read_text("utf-8") for file in SOURCE.rglob("*.py")}
    for file in (file for file, text in texts.items() if "docs(" in text):
        for node in ast.walk(ast.parse(texts[file])):
            match node:
                case ast.Call(func=ast.Name(id="docs"), args=[ast.Constant(value=str(page))]):
                    yield page
                case ast.Call(func=ast.Name(id="docs")):
                    pytest.fail(f"{file}:{node.lineno}: not a literal")


def headings(page: str) -> set[str]:
    """Return the anchors of a page, as Python-Markdown makes them of its headings."""
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    text = re.sub(r"(?ms)^```.*?^```$", "", text)
    titles = re.findall(r"(?m)^#+ (.+)$", text)
    return {
        re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles
    }


PAGES = sorted(set(named_pages()))


def test_the_errors_where_a_page_helps_most_name_one() -> None:
    assert len(PAGES) == 10


@pytest.mark.parametrize("page", PAGES)
def test_a_named_page_exists_with_its_heading(page: str) -> None:
    path, _, heading = page.partition("#")

    assert heading in headings(path)


def test_an_address_is_on_the_site_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert project["urls"]["Documentation"] == SITE
    assert docs("reference/baseline#reading") == f"{SITE}/en/latest/reference/baseline/#reading"
    assert project["urls"]["Changelog"] == docs("changelog")
