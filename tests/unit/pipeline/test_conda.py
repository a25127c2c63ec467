from __future__ import annotations

import pytest

from pytest_flowrepro.pipeline import conda
from pytest_flowrepro.support.errors import EnvironmentBuildError


def test_a_lock_that_is_none_is_told_with_its_file_and_line() -> None:
    text = "# platform: linux-64\n@EXPLICIT\nhttps://ann:hunter2@h/noarch/six-1.16.0-0.conda#00\n"
    with pytest.raises(EnvironmentBuildError) as caught:
        conda.parsed(text, "step-train")
    assert caught.value.what.startswith("lock-step-train.txt is not a lock")
    assert caught.value.detail == "line 3: credentials, which have no place in a lock"
