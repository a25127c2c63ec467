"""The processors of this machine: their number and their x86-64 level."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.cpus import processors

if TYPE_CHECKING:
    from collections.abc import Collection

CPU_LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")
"""The micro-architecture levels of the x86-64 psABI above the first, lowest first."""

_CPUINFO = Path("/proc/cpuinfo")

_FLAGS = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
"""The flags of Linux that each level adds to the level below (x86-64 psABI, section 3.1.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardware:
    machine: str
    """The architecture, as `platform.machine` names it."""
    processors: int
    usable: int
    """The number of processors that this process may use."""
    level: str | None
    """`x86-64` or one of `CPU_LEVELS`; None on another architecture, and if it is not known."""

    @property
    def has_levels(self) -> bool:
        return self.machine.lower() in {"x86_64", "amd64"}


def read_hardware(cpuinfo: Path | None = None) -> Hardware:
    """Return the hardware of this machine, from `cpuinfo` (proc_cpuinfo(5)) if it exists."""
    machine = platform.machine()
    flags = _flags(cpuinfo or _CPUINFO)
    hardware = Hardware(
        machine=machine, processors=os.cpu_count() or 1, usable=processors(), level=None
    )
    if not hardware.has_levels or not flags:
        return hardware
    return Hardware(
        machine=machine,
        processors=hardware.processors,
        usable=hardware.usable,
        level=level_of(flags),
    )


def level_of(flags: Collection[str]) -> str:
    """Return the highest level whose flags, and those of all levels below it, are present."""
    level = "x86-64"
    for name in CPU_LEVELS:
        if not _FLAGS[name] <= set(flags):
            break
        level = name
    return level


def _flags(cpuinfo: Path) -> frozenset[str]:
    """Return the flags of the first processor; empty if there is no file or no flags in it."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    lines = (line.partition(":") for line in text.splitlines())
    return frozenset(
        next((value.split() for name, _, value in lines if name.strip() == "flags"), ())
    )
