from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.errors import LockError
from pytest_flowrepro.lock import find_requirements

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pandas>=2",
#   "metaflow",
# ]
# ///
from metaflow import FlowSpec
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    """A flow in a folder of its own below the project folder."""
    file = tmp_path / "flows" / "train.py"
    file.parent.mkdir()
    file.write_text("from metaflow import FlowSpec\n")
    return file


def test_the_first_place_that_declares_anything_counts(flow: Path, tmp_path: Path) -> None:
    def found() -> tuple[str, ...]:
        requirements = find_requirements(flow, root=tmp_path, setting=setting)
        return (requirements.source, *requirements.lines)

    setting: str | None = None
    assert found() == ("Metaflow alone (nothing is declared)", "metaflow")
    (tmp_path / "requirements.in").write_text("one")
    assert found() == ("requirements.in", "one", "metaflow")
    (tmp_path / "requirements.txt").write_text("two")
    assert found() == ("requirements.txt", "two", "metaflow")
    (flow.parent / "requirements.in").write_text("three")
    assert found() == ("flows/requirements.in", "three", "metaflow")
    (flow.parent / "requirements.txt").write_text("four")
    assert found() == ("flows/requirements.txt", "four", "metaflow")
    flow.write_text(SCRIPT)
    assert found() == ("flows/train.py (PEP 723)", "pandas>=2", "metaflow")
    (tmp_path / "deps.txt").write_text("five")
    setting = "deps.txt"
    assert found() == ("deps.txt", "five", "metaflow")


@pytest.mark.parametrize(
    "line", ["metaflow", "Metaflow==2.19.1", "metaflow[x]>=2 ; python_version>'3'"]
)
def test_metaflow_is_not_added_where_it_is_declared(flow: Path, tmp_path: Path, line: str) -> None:
    (flow.parent / "requirements.txt").write_text(line)

    assert find_requirements(flow, root=tmp_path, setting=None).lines == (line,)


def test_a_script_block_may_limit_python(flow: Path, tmp_path: Path) -> None:
    flow.write_text(SCRIPT)

    assert find_requirements(flow, root=tmp_path, setting=None).requires_python == ">=3.11"


def test_a_script_block_without_dependencies_declares_that_there_are_none(
    flow: Path, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("pandas")
    flow.write_text('# /// script\n# requires-python = ">=3.9"\n# ///\n')

    assert find_requirements(flow, root=tmp_path, setting=None).lines == ("metaflow",)


def test_only_a_block_of_the_script_type_counts(flow: Path, tmp_path: Path) -> None:
    flow.write_text("# /// other\n# dependencies = ['six']\n# ///\n\nx = '# /// script'\n")

    assert find_requirements(flow, root=tmp_path, setting=None).lines == ("metaflow",)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("# dependencies = [", "its block is not valid TOML"),
        ('# dependencies = "six"', "dependencies: not a list of strings"),
        ("# dependencies = [1]", "dependencies[0]: not a string"),
        ('# dependencies = ["six", "=1"]', "dependencies[1]: Expected"),
        (
            '# dependencies = ["six @ git+https://bob:pw@host/six"]',
            "dependencies[0]: a version control URL has no hash to pin",
        ),
        ('# dependencies = ["./six"]', "dependencies[0]: a local path exists on this machine only"),
        ('# requires-python = "three"', "requires-python: 'three' is not a version specifier"),
        ("# requires-python = 3", "requires-python: 3 is not a version specifier"),
        ("# x = 1\n# ///\n\n# /// script\n# y = 1", "it has more than one `# /// script` block"),
    ],
)
def test_a_bad_script_block_is_refused(
    flow: Path, tmp_path: Path, block: str, problem: str
) -> None:
    flow.write_text(f"# /// script\n{block}\n# ///\n")

    with pytest.raises(LockError) as caught:
        find_requirements(flow, root=tmp_path, setting=None)

    assert caught.value.what == "flows/train.py (PEP 723) cannot be used."
    assert caught.value.detail.startswith(problem)
    assert "pw" not in str(caught.value)


def test_a_flow_in_another_encoding_is_read_by_its_declaration(flow: Path, tmp_path: Path) -> None:
    flow.write_bytes(b"# -*- coding: latin-1 -*-\n# \xe9\n" + SCRIPT.encode())

    assert "pandas>=2" in find_requirements(flow, root=tmp_path, setting=None).lines


def test_a_flow_that_is_not_text_is_refused(flow: Path, tmp_path: Path) -> None:
    flow.write_bytes(b"# \xe9\n")

    with pytest.raises(LockError, match=r"flows/train\.py cannot be read"):
        find_requirements(flow, root=tmp_path, setting=None)


def test_a_configured_file_that_is_not_there_is_refused(flow: Path, tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"The requirements file gone\.txt does not exist"):
        find_requirements(flow, root=tmp_path, setting="gone.txt")
