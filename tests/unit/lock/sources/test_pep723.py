from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from requirement_lines import requirement_lines

from pytest_flowrepro.lock.sources.pep723 import read_script
from pytest_flowrepro.model import Requirements
from pytest_flowrepro.support.errors import LockError

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
    file = tmp_path / "flows" / "train.py"
    file.parent.mkdir()
    file.write_text("from metaflow import FlowSpec\n")
    return file


def test_a_script_block_declares_requirements_and_may_limit_python(
    flow: Path, tmp_path: Path
) -> None:
    flow.write_text(SCRIPT)

    assert read_script(flow, root=tmp_path) == Requirements(
        requirements=requirement_lines("pandas>=2", "metaflow"),
        source="flows/train.py (PEP 723)",
        requires_python=">=3.11",
    )


def test_a_script_block_without_dependencies_declares_that_there_are_none(
    flow: Path, tmp_path: Path
) -> None:
    flow.write_text('# /// script\n# requires-python = ">=3.9"\n# ///\n')

    assert read_script(flow, root=tmp_path) == Requirements(
        requirements=(), source="flows/train.py (PEP 723)", requires_python=">=3.9"
    )


def test_only_a_block_of_the_script_type_counts(flow: Path, tmp_path: Path) -> None:
    flow.write_text("# /// other\n# dependencies = ['six']\n# ///\n\nx = '# /// script'\n")

    assert read_script(flow, root=tmp_path) is None


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
        (
            '# dependencies = ["./six"]',
            "dependencies[0]: a path is supported only in a requirements file",
        ),
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
        read_script(flow, root=tmp_path)

    assert caught.value.what == "flows/train.py (PEP 723) is not a valid `# /// script` block"
    assert caught.value.detail.startswith(problem)
    assert "pw" not in str(caught.value)


def test_a_flow_in_another_encoding_is_read_by_its_declaration(flow: Path, tmp_path: Path) -> None:
    flow.write_bytes(b"# -*- coding: latin-1 -*-\n# \xe9\n" + SCRIPT.encode())

    found = read_script(flow, root=tmp_path)

    assert found is not None
    assert "pandas>=2" in found.lines


def test_a_flow_that_is_not_text_is_refused(flow: Path, tmp_path: Path) -> None:
    flow.write_bytes(b"# \xe9\n")

    with pytest.raises(LockError, match=r"flows/train\.py cannot be read"):
        read_script(flow, root=tmp_path)
