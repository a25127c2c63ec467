r"""Runs one command, and ends with it whatever it started.

The host's interpreter runs this file by its path (process.py), in a session of its own. Standard
library only, and little of it: every command waits for this start.

Standard input is a socket. It brings one `marshal` value, `(argv, env, cwd)`: a list of bytes, a
dict of bytes, and bytes. Its end asks for the end of the command: the deadline has passed, or the
process on the other side has died, in whatever way. The answer goes back as one `marshal` value:

    {"errno": 2}                     the command could not be started
    {"status": 256,                  how it ended, as `os.wait` says it
     "adopts": True,                 whether orphans become children of this process
     "ended": [b"sleep\0300"]}       command lines of the processes that were ended by force

On Linux this process is a child subreaper (prctl(2)): a descendant whose parent has died becomes
its child, whatever session, environment or name it has given itself. So everything has ended when
no child is left. Elsewhere the process group of the command is ended.
"""

from __future__ import annotations

import errno
import marshal
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` would take a third of the start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Prctl = Callable[[int, int], int]

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h

_GRACE = 0.3
"""Seconds for helpers to end by themselves, once the command has ended."""
_TRACKER_GRACE = 2.0
"""Seconds for a resource tracker to clean up, once the processes that use it have ended."""
_LIMIT = 8.0
"""Seconds to go on ending processes: one may be out of reach, as another user's is."""
_SHOWN = 50
"""Command lines in the answer."""
_LONGEST = 1000
"""Bytes of one."""

_EXITING = 4  # PF_EXITING, linux/sched.h

_TRACKER = b"resource_tracker"
"""Of multiprocessing, loky: removes what the processes that use it have left in /dev/shm."""


def main() -> None:
    with open(0, "rb", closefd=False) as request:
        argv, env, cwd = marshal.load(request)  # noqa: S302  of the process that started this one
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.append(number))
    prctl = _prctl()
    adopts = prctl(_SET_CHILD_SUBREAPER, 1) == 0
    # The end of the socket is not seen while a process that was forked off holds it open.
    prctl(_SET_PDEATHSIG, signal.SIGTERM)
    pid, failed = _start(argv, env, cwd, prctl)
    answer: dict[str, Any] = {"errno": failed}
    if not failed:
        run = _Run(pid, woken)
        run.wait(asked)
        run.end()
        ended = list(run.ended.values())[:_SHOWN]
        answer = {"status": run.status, "adopts": adopts, "ended": ended}
    try:
        os.write(0, marshal.dumps(answer))
    except OSError:
        pass  # the process on the other side has died


def _prctl() -> Prctl:
    """The system call; where there is none, a function that fails."""
    if sys.platform == "linux":
        try:
            import ctypes  # noqa: PLC0415

            call = ctypes.CDLL(None).prctl
        except (ImportError, OSError, AttributeError):  # a Python may be built without it
            pass
        else:
            return lambda option, value: int(call(option, value, 0, 0, 0))
    return lambda _option, _value: -1


def _start(argv: list[bytes], env: dict[bytes, bytes], cwd: bytes, prctl: Prctl) -> tuple[int, int]:
    """The command's process id, and the number of the error that kept it from being started."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec keeps that
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            prctl(_SET_PDEATHSIG, signal.SIGKILL)
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)  # noqa: S606
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            os.write(tell, str(getattr(error, "errno", None) or errno.EINVAL).encode())
        finally:
            os._exit(127)
    os.close(tell)
    failed = os.read(told, 20)  # nothing: exec has closed it
    os.close(told)
    return pid, int(failed or 0)


class _Run:
    """The command and its descendants."""

    def __init__(self, pid: int, woken: int) -> None:
        self.status: int | None = None
        self.ended: dict[int, bytes] = {}
        self._pid = pid
        self._woken = woken

    def wait(self, asked: list[int]) -> None:
        """Return when the command has ended, or its end is asked for."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while self._reap() and self.status is None and not asked:
            if any(descriptor == 0 for descriptor, _ in poll.poll()):
                return
            self._drain()

    def end(self) -> None:
        """End what is left, by force after a grace, and take notice of it."""
        if self.status is not None:
            self._end_within(_GRACE, by_force=False)
        self._end_within(_TRACKER_GRACE, but=_TRACKER)
        self._end_within(_LIMIT)
        try:
            os.killpg(self._pid, signal.SIGKILL)  # for where no orphan comes to this process
        except (ProcessLookupError, PermissionError):
            pass

    def _end_within(
        self, seconds: float, *, by_force: bool = True, but: bytes | None = None
    ) -> None:
        until = time.monotonic() + seconds
        while self._reap() and time.monotonic() < until:
            if by_force:
                self._kill(but)
            select.select([self._woken], [], [], 0.02)  # until a child ends, or that long
            self._drain()

    def _reap(self) -> bool:
        """Take notice of the children that have ended; False when none is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._pid:
                self.status = status

    def _drain(self) -> None:
        try:
            os.read(self._woken, 4096)
        except BlockingIOError:
            pass

    def _kill(self, but: bytes | None) -> None:
        # Each as soon as it is seen: one that forks and ends, again and again, is soon another.
        for pid in _adopted():
            try:
                is_dead, _ = _stat(pid)
            except OSError:
                continue
            if not is_dead:
                self._kill_one(pid, but)
        own = [self._pid] if self.status is None else []
        for pid in dict.fromkeys(own + _descendants(os.getpid())):
            self._kill_one(pid, but)

    def _kill_one(self, pid: int, but: bytes | None) -> None:
        command = _command(pid)
        if but is None or but not in command:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return
            self.ended.setdefault(pid, command)


def _adopted() -> list[int]:
    """Return the children of this process, as Linux lists them at once; none where it does not."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return list(map(int, file.read().split()))
    except OSError:
        return []


def _descendants(top: int) -> list[int]:
    """Return those that live, parents first; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    dead = set()
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdigit():
            try:
                is_dead, parent = _stat(int(name))
            except OSError:  # has ended meanwhile
                continue
            children.setdefault(parent, []).append(int(name))
            if is_dead:
                dead.add(int(name))
    found = list(children.get(top, ()))
    for pid in found:
        found += children.get(pid, ())
    return [pid for pid in found if pid not in dead]


def _stat(pid: int) -> tuple[bool, int]:
    """Return whether a process has ended, or is about to of its own, and its parent."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        # pid (name) state parent ... flags ...: the name may hold anything.
        fields = file.read().rpartition(b")")[2].split()
    return bool(fields[0] in {b"Z", b"X"} or int(fields[6]) & _EXITING), int(fields[1])


def _command(pid: int) -> bytes:
    """Return its arguments, each but the last with a NUL behind it."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(_LONGEST).rstrip(b"\0") or b"process %d" % pid
    except OSError:
        return b"process %d" % pid


if __name__ == "__main__":
    main()
