"""Every kind of process that a flow may leave behind ends with it, however the check ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pytest_flowrepro.support.process import run_process

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="a child subreaper is a service of Linux"
)

KINDS = {
    "child": "mark(); sleep()",
    "daemon": "daemonise(); mark(); sleep()",
    "session of its own": "os.setsid(); mark(); sleep()",
    "group of its own": "os.setpgid(0, 0); mark(); sleep()",
    "cleared environment": "daemonise(); mark(); os.execve('/bin/sleep', ['sleep', '300'], {})",
    "environment overwritten": "os.environ.clear(); daemonise(); mark(); spawn_sleep()",
    "other name": "daemonise(); rename(b'x) R 1 (y'); mark(); sleep()",
    "other command line": "daemonise(); mark(); os.execve('/bin/sleep', ['init', '300'], {})",
    "closed files": "mark(); os.closerange(0, 256); daemonise(); mark(); sleep()",
    "holds the pipe": "daemonise(); mark(); write_for_ever()",
    "ignores signals": "ignore_signals(); mark(); sleep()",
    "stopped": "daemonise(); mark(); os.kill(os.getpid(), signal.SIGSTOP)",
    "fifty children": "[fork(lambda: (os.setsid(), mark(), sleep())) for _ in range(50)]; sleep()",
    "orphan with children": "daemonise(); mark(); fork(lambda: (mark(), sleep())); sleep()",
    "moves on": "mark(); move_on()",
    "fork bomb": "mark(); bomb(6)",
    "subreaper": "become_subreaper(); fork(lambda: (daemonise(), mark(), sleep())); sleep()",
    "thread pool": "mark(); threads()",
    "process pool": "mark(); processes()",
    "resource tracker": "shared_memory(); mark(); os._exit(0)",
    "posix_spawn": "mark(); os.posix_spawn('/bin/sleep', ['sleep', '300'], {}, setsid=True)",
}

# Started once for all kinds: forks one process for each, and says when all of them are there.
PROGRAM = """
import concurrent.futures, ctypes, os, signal, subprocess, sys, threading, time
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

folder, then = sys.argv[1:]
prctl = ctypes.CDLL(None).prctl
kind = "none"

def mark(pid=None):
    open(os.path.join(folder, "%s.%d" % (kind, pid or os.getpid())), "w").close()
def sleep():
    while True:
        time.sleep(300)
def fork(then):
    pid = os.fork()
    if pid == 0:
        try:
            then()
        finally:
            os._exit(0)
    return pid
def daemonise():
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
def spawn_sleep():
    child = subprocess.Popen(["/bin/sleep", "300"], start_new_session=True, env={})
    mark(child.pid)
    os._exit(0)
def rename(name):
    prctl(15, name, 0, 0, 0)
def write_for_ever():
    while True:
        print("still here", flush=True)
        time.sleep(0.1)
def ignore_signals():
    for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
def move_on():
    # Each process starts the next and is gone: whoever lists processes is late.
    for _ in range(3000):
        time.sleep(0.01)
        if os.fork():
            os._exit(0)
        os.setsid()
        mark()
def bomb(depth):
    for _ in range(2 if depth else 0):
        fork(lambda: (mark(), bomb(depth - 1)))
    sleep()
def become_subreaper():
    prctl(36, 1, 0, 0, 0)
def threads():
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(sleep)
def processes():
    with concurrent.futures.ProcessPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(sleep)
def shared_memory():
    memory = SharedMemory(create=True, size=4096)
    open(os.path.join(folder, "memory"), "w").write(memory.name)
    mark(resource_tracker._resource_tracker._pid)

for kind, code in KINDS.items():
    fork(lambda: exec(code))
while not set(KINDS) <= {name.rpartition(".")[0] for name in os.listdir(folder)}:
    time.sleep(0.02)
time.sleep(0.2)
open(os.path.join(sys.argv[1], "all-there"), "w").close()
if then == "wait":
    sleep()
"""

HOST = """
import os, sys
from pathlib import Path
from pytest_flowrepro.support.process import run_process

run_process(sys.argv[1:], env=os.environ, cwd=Path.cwd(), timeout=100)
"""


def command(folder: Path, then: str) -> list[str | Path]:
    """A program that starts a process of every kind, then ends or waits."""
    program = folder.with_suffix(".py")
    program.write_text(f"KINDS = {KINDS!r}\n{PROGRAM}", encoding="utf-8")
    folder.mkdir()
    return [sys.executable, program, folder, then]


def alive(folder: Path) -> list[str]:
    """The kinds that a process is left of."""
    found = set()
    for file in folder.glob("*.*"):
        kind, _, pid = file.name.rpartition(".")
        try:
            state = Path("/proc", pid, "stat").read_text(errors="replace").rpartition(")")[2]
        except OSError:
            continue
        if state.split()[0] not in "ZX":
            found.add(kind)
    return sorted(found)


def assert_all_gone(folder: Path) -> None:
    assert {file.name.rpartition(".")[0] for file in folder.iterdir()} >= set(KINDS)
    until = time.monotonic() + 15
    while alive(folder) and time.monotonic() < until:
        time.sleep(0.05)
    assert alive(folder) == []
    # It was there when its process was ended: its tracker has come to remove it.
    memory = Path("/dev/shm", (folder / "memory").read_text().lstrip("/"))
    assert not memory.exists()


@pytest.mark.slow
def test_nothing_is_left_when_the_command_ends(tmp_path: Path) -> None:
    done = run_process(command(tmp_path / "m", "end"), env=os.environ, cwd=tmp_path, timeout=60)
    assert (done.ok, alive(tmp_path / "m")) == (True, [])
    assert_all_gone(tmp_path / "m")
    assert "sleep 300" in done.ended


@pytest.mark.slow
def test_nothing_is_left_when_the_deadline_passes(tmp_path: Path) -> None:
    done = run_process(command(tmp_path / "m", "wait"), env=os.environ, cwd=tmp_path, timeout=6)
    assert (done.ending.timed_out, alive(tmp_path / "m")) == (True, [])
    assert_all_gone(tmp_path / "m")
    assert re.fullmatch(rf"{re.escape(sys.executable)} .*m\.py .*", done.ended[0])  # the command


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name
)
def test_nothing_is_left_when_this_process_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    argv = [sys.executable, "-c", HOST, *command(tmp_path / "m", "wait")]
    with subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.DEVNULL) as host:
        until = time.monotonic() + 60
        while not (tmp_path / "m" / "all-there").exists() and time.monotonic() < until:
            time.sleep(0.02)
        host.send_signal(number)
    assert_all_gone(tmp_path / "m")


def test_a_command_that_ends_its_supervisor_ends_with_it(tmp_path: Path) -> None:
    code = """
        import os, signal, sys, time
        if os.fork() == 0:
            os.setsid()
            open(sys.argv[1] + "/daemon.%d" % os.getpid(), "w").close()
            time.sleep(300)
        while not os.listdir(sys.argv[1]):
            time.sleep(0.01)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(300)
    """
    (tmp_path / "m").mkdir()
    argv: list[str | Path] = [sys.executable, "-c", textwrap.dedent(code), tmp_path / "m"]
    done = run_process(argv, env=os.environ, cwd=tmp_path, timeout=60)
    assert (done.ok, str(done.ending)) == (False, "signal SIGKILL, perhaps out of memory")
    assert alive(tmp_path / "m") == []


def test_a_process_that_ends_by_itself_is_not_reported(tmp_path: Path) -> None:
    code = "import os, time\nif os.fork() == 0: time.sleep(0.1)"
    argv = [sys.executable, "-c", code]
    assert run_process(argv, env=os.environ, cwd=tmp_path, timeout=60).ended == ()
