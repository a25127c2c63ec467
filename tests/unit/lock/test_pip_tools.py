from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from requirement_lines import requirement_lines

from pytest_flowrepro.lock.pip_tools import PipToolsResolver, one_platform_header
from pytest_flowrepro.model import Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path


def test_another_python_is_refused_because_pip_compile_resolves_for_its_own(
    tmp_path: Path,
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 3.1\n")
    python.chmod(0o755)

    with pytest.raises(LockError, match=r"but this flow needs 3\.1\n") as caught:
        PipToolsResolver().resolve(
            Requirements(requirements=requirement_lines("six"), source="requirements.txt"),
            python=python,
            workspace=tmp_path,
            timeout=5,
        )

    assert "--flow-repro-installer=uv" in caught.value.hint


def test_a_lock_by_pip_tools_names_the_platform_that_it_is_for() -> None:
    assert re.fullmatch(r"# By pip-tools, for \w+ \w+ only\.", one_platform_header())
