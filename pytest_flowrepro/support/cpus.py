"""The number of processors that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/cpu.max")


def processors(cgroup: Path = _CGROUP) -> int:
    """Return the number of processors that an affinity mask and a container's quota allow.

    `cgroup` is the file of the Linux control group (v2, `cpu.max`): quota and period in
    microseconds. Metaflow itself starts 16 tasks at a time on any machine.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:  # macOS
        allowed = os.cpu_count() or 1
    return min(allowed, _quota(cgroup) or allowed)


def _quota(cgroup: Path) -> int | None:
    """Return the quota as a number of whole processors; None without one."""
    try:
        quota, period = cgroup.read_text(encoding="ascii").split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):  # no such file; `max`: no limit
        return None
