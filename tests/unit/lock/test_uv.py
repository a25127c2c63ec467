from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local_index import LocalIndex, only_index, wheel
from requirement_lines import requirement_lines

from pytest_flowrepro.lock.uv import UvResolver
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Requirements

if TYPE_CHECKING:
    import pytest


def test_one_lock_serves_every_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = "sys_platform == 'win32'"
    with only_index(monkeypatch, tmp_path) as index:
        index.add(wheel("alpha", "1.0", requires=[f"beta ; {marker}"]))
        index.add(wheel("beta", "1.0", tag="py3-none-win_amd64"))
        lock = UvResolver().resolve(
            Requirements(requirements=requirement_lines("alpha"), source="requirements.txt"),
            python=Path(sys.executable),
            workspace=tmp_path,
            timeout=60,
        )

    assert f"beta==1.0 ; {marker} \\" in lock.text


def test_several_indexes_of_pip_are_searched_as_pip_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with only_index(monkeypatch, tmp_path) as main, LocalIndex() as extra:
        monkeypatch.delenv("UV_DEFAULT_INDEX")
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", extra.url)
        for_linux = extra.add(wheel("alpha", "1.0", tag="py3-none-manylinux_2_17_x86_64"))
        main.files.update(extra.files)
        for_mac = main.add(wheel("alpha", "1.0", tag="py3-none-macosx_11_0_arm64"))
        main.add(wheel("beta", "1.0"))
        newer = extra.add(wheel("beta", "2.0"))
        lock = UvResolver().resolve(
            Requirements(
                requirements=requirement_lines("alpha", "beta"), source="requirements.txt"
            ),
            python=Path(sys.executable),
            workspace=tmp_path,
            timeout=60,
        )

    alpha, beta = parse_pypi(lock.text).packages
    assert set(alpha.hashes) == {f"sha256:{for_linux}", f"sha256:{for_mac}"}
    assert beta.hashes == (f"sha256:{newer}",)
