r"""Runs one command, and ends all its descendants with it.

The host's interpreter runs this module in its own session. process.py compiles it once and sends it
over the socket, and it imports only the standard library, and little of it: every command waits for
this start.

Standard input is a socket. It brings two `marshal` values: this module's code, and the request
`(argv, env, cwd)`: a list of bytes, a dict of bytes, and bytes. When it closes, the command is to
be ended: the deadline has passed, or the process on the other side has died. The answer is one
`marshal` value:

    {"errno": 2}                     the command could not be started
    {"status": 256,                  its exit status, as of `os.wait`
     "adopts": True,                 whether orphans become children of this process
     "ended": [b"sleep\0300"]}       command lines of the processes that were ended by force

On Linux this process is a child subreaper (prctl(2)): a descendant whose parent has died becomes
its child, even with another session, environment or name. So everything has ended when no child is
left. Elsewhere the process group of the command is ended.
"""

from __future__ import annotations

import errno
import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False  # `typing` would take a third of the start
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import Any

    Request = tuple[list[bytes], dict[bytes, bytes], bytes]
    Prctl = Callable[[int, int], int]
else:
    import _signal as signal  # without the enums of `signal`, another third

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h

_GRACE = 0.3
"""Seconds for helpers to end by themselves after the command has ended."""
_TRACKER_GRACE = 2.0
"""Seconds for a resource tracker to clean up after the processes that use it have ended."""
_LIMIT = 8.0
"""Seconds to try to end processes: those of another user cannot be ended."""
_SHOWN = 50
"""Maximum number of command lines in the answer."""
_LONGEST = 1000
"""Maximum number of bytes of one command line."""

_EXITING = 4  # PF_EXITING, linux/sched.h

_TRACKER = b"resource_tracker"
"""The tracker of multiprocessing and loky, which removes files of its processes from /dev/shm."""


def main(request: Request) -> None:
    argv, env, cwd = request
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    requests: list[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda number, _: requests.append(number))
    prctl = _prctl()
    adopts = prctl(_SET_CHILD_SUBREAPER, 1) == 0
    # The socket's end cannot be detected while a forked process still has it open.
    prctl(_SET_PDEATHSIG, signal.SIGTERM)
    pid, failed = _start(argv, env, cwd, prctl)
    answer: dict[str, Any] = {"errno": failed}
    if not failed:
        run = _Run(pid, woken)
        run.wait(requests)
        run.end()
        ended = list(run.ended.values())[:_SHOWN]
        answer = {"status": run.status, "adopts": adopts, "ended": ended}
    try:
        os.write(0, marshal.dumps(answer))
    except OSError:
        pass  # the process on the other side has died


def _prctl() -> Prctl:
    """Return the system call, or a function that fails without one."""
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
    """Start the command; return its process id, and the errno if it could not be started."""
    failure, report = os.pipe()
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
            os.write(report, str(getattr(error, "errno", None) or errno.EINVAL).encode())
        finally:
            os._exit(127)
    os.close(report)
    failed = os.read(failure, 20)  # empty: exec has closed it
    os.close(failure)
    return pid, int(failed or 0)


class _Run:
    """The command and its descendants."""

    def __init__(self, pid: int, woken: int) -> None:
        self.status: int | None = None
        self.ended: dict[int, bytes] = {}
        self._pid = pid
        self._woken = woken

    def wait(self, requests: list[int]) -> None:
        """Wait until the command has ended or is to be ended."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while self._reap() and self.status is None and not requests:
            if any(descriptor == 0 for descriptor, _ in poll.poll()):
                return
            self._drain()

    def end(self) -> None:
        """End the remaining processes, by force after a grace period, and reap them."""
        if self.status is not None:
            self._end_within(_GRACE, by_force=False)
        self._end_within(_TRACKER_GRACE, but=_TRACKER)
        self._end_within(_LIMIT)
        try:
            os.killpg(self._pid, signal.SIGKILL)  # for systems without a child subreaper
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
        """Reap the children that have ended; return False when none is left."""
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
        # Each as soon as it is found: one that keeps forking and ending soon has another pid.
        for pid in _adopted():
            try:
                is_dead, _ = _stat(pid)
            except OSError:
                continue
            if not is_dead:
                self._kill_one(pid, but)
        running = [self._pid] if self.status is None else []
        for pid in dict.fromkeys(running + _descendants(os.getpid())):
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
    """Return the children of this process from Linux's own list; empty without one."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return list(map(int, file.read().split()))
    except OSError:
        return []


def _descendants(top: int) -> list[int]:
    """Return the living descendants, parents first; empty without /proc."""
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
    descendants = list(children.get(top, ()))
    for pid in descendants:
        descendants += children.get(pid, ())
    return [pid for pid in descendants if pid not in dead]


def _stat(pid: int) -> tuple[bool, int]:
    """Return a process's state, True if it has ended or is exiting by itself, and its parent."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        # pid (name) state parent ... flags ...: the name may have any characters.
        fields = file.read().rpartition(b")")[2].split()
    return bool(fields[0] in {b"Z", b"X"} or int(fields[6]) & _EXITING), int(fields[1])


def _command(pid: int) -> bytes:
    """Return the arguments of a process, separated by NULs."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(_LONGEST).rstrip(b"\0") or b"process %d" % pid
    except OSError:
        return b"process %d" % pid
