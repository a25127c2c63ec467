"""Sessions that a signal ends: nothing of them is left, and no baseline is touched."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Project

    Start = Callable[..., subprocess.Popen[bytes]]

WAITS = """import os, subprocess, time
        sleeper = subprocess.Popen(["/bin/sleep", "300"], start_new_session=True, env={})
        open(PIDS, "w").write(f"{os.getpid()} {sleeper.pid} .")
        time.sleep(300)"""


def is_alive(pid: str) -> bool:
    stat = Path("/proc", pid, "stat")
    return stat.exists() and stat.read_text().split()[2] != "Z"


def is_released(folder: Path) -> bool:
    """Return whether every process of the folder's session has ended, its workers included."""
    with (folder / "held").open("r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def folders(temporary: Path) -> list[Path]:
    return list(temporary.glob("flowrepro-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="xdist's workers end at once on Linux alone")
def test_a_session_that_is_ended_leaves_nothing(hello: Project, tmp_path: Path) -> None:
    pids, temporary = tmp_path / "pids", tmp_path / "t"
    temporary.mkdir()
    waits = WAITS.replace("PIDS", repr(str(pids)))
    hello.edit("flow.py", '        print("counted"', f'        {waits}\n        print("counted"')
    before = hello.baseline_bytes()

    def end(number: int, *args: str) -> tuple[int, str]:
        """Start a session, end it while the flow runs, and give its exit code and output."""
        pids.write_text("")
        argv = [sys.executable, "-m", "pytest", "--flow-repro", "-p", "no:cacheprovider", *args]
        with (
            (hello.path / "out").open("w+") as out,
            subprocess.Popen(
                argv,
                cwd=hello.path,
                env={**os.environ, "TMPDIR": str(temporary)},
                stdout=out,
                stderr=subprocess.STDOUT,
            ) as session,
        ):
            wait_until(lambda: pids.read_text().endswith("."))
            session.send_signal(number)
            started = pids.read_text().split()[:2]
            wait_until(lambda: not any(map(is_alive, started)))
            session.wait()
            out.seek(0)
            return session.returncode, out.read()

    # What was killed could not clean up; the next session does.
    assert end(signal.SIGKILL, "-n1")[0] == -signal.SIGKILL
    (killed,) = folders(temporary)
    wait_until(lambda: is_released(killed))
    code, said = end(signal.SIGTERM)
    assert (code, "TerminatedError: SIGTERM" in said) == (pytest.ExitCode.INTERRUPTED, True)
    assert not killed.exists()
    wait_until(lambda: not folders(temporary))
    assert hello.baseline_bytes() == before
