from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.hardware import level_of, read_hardware

if TYPE_CHECKING:
    from pathlib import Path

V2 = "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"
V3 = f"{V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("fpu sse sse2", "x86-64"),
        (V2, "x86-64-v2"),
        (V2.replace("popcnt", ""), "x86-64"),
        (V3, "x86-64-v3"),
        (V3.replace("fma", ""), "x86-64-v2"),
        (V4, "x86-64-v4"),
        (f"{V4} amx_tile avx512_fp16", "x86-64-v4"),
        (V4.replace("avx512dq", ""), "x86-64-v3"),
        (V4.replace("popcnt", ""), "x86-64"),
    ],
)
def test_a_level_has_all_its_flags_and_those_of_the_levels_below(flags: str, level: str) -> None:
    assert level_of(flags.split()) == level


def test_the_flags_are_those_of_the_first_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {V3}\n\nflags\t\t: {V4}\n", encoding="utf-8")
    found = read_hardware(cpuinfo)
    assert found.level == "x86-64-v3"
    assert 1 <= found.usable <= found.processors == os.cpu_count()


@pytest.mark.parametrize(("machine", "has_levels"), [("arm64", False), ("x86_64", True)])
def test_without_flags_the_level_is_not_known(
    machine: str, has_levels: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    (tmp_path / "empty").touch()
    for file in (tmp_path / "empty", tmp_path / "none"):
        found = read_hardware(file)
        assert (found.level, found.has_levels) == (None, has_levels)
