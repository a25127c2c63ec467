"""How many processors this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/cpu.max")


def processors(cgroup: Path = _CGROUP) -> int:
    """The machine's processors, less those that an affinity mask or a container's quota denies.

    `cgroup` is the file of the Linux control group (v2, `cpu.max`): quota and period in
    microseconds. Metaflow itself starts 16 tasks at a time, whatever the machine.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:  # macOS
        allowed = os.cpu_count() or 1
    return min(allowed, _quota(cgroup) or allowed)


def _quota(cgroup: Path) -> int | None:
    """Whole processors that the quota is worth; None without one."""
    try:
        quota, period = cgroup.read_text(encoding="ascii").split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):  # no such file; `max`: no limit
        return None
