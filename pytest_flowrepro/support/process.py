"""The only place that starts a subprocess.

Every command has an explicit environment, no standard input, a deadline and bounded output. It is
started by a supervisor (_supervisor.py), which ends all descendants with the command, also when
this process dies. If a flow ends its supervisor, its processes are found by the mark that each
command has in its environment.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import deque
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.ending import Ending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OUTPUT_LIMIT = 1_000_000
"""Maximum number of bytes of stdout, and of stderr, that are kept: the first half and the last."""

_SUPERVISOR = Path(__file__).with_name("_supervisor.py")
_LOADER = """\
import marshal
with open(0, "rb", closefd=False) as stream:
    code, request = marshal.load(stream), marshal.load(stream)
names = {}
exec(code, names)
names["main"](request)
"""
_MARK = "FLOWREPRO_PROCESS"
_GRACE = 0.5
"""Seconds to go on reading after the supervisor's end if another process has the pipe open."""
_END_WITHIN = 15.0
"""Seconds for the supervisor to end all processes and itself."""

_LOADING = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""Variables that an interpreter may need to load its libraries."""

_ALLOWED = ("PATH", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")

_REDIRECTS_PYTHON = ("PYTHON", "VIRTUAL_ENV", "CONDA_", "__PYVENV_LAUNCHER__", "METAFLOW_")


class CommandNotFoundError(Exception):
    """Raised when the program itself could not be started."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    argv: tuple[str, ...]
    ending: Ending
    stdout: str
    stderr: str
    seconds: float
    ended: tuple[str, ...] = ()
    """Command lines of the processes that were ended by force, that of the command itself first."""

    @property
    def ok(self) -> bool:
        return self.ending.ok


def isolated_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a flow: an allowlist of the user's variables, and `extra`.

    Locale and time zone are fixed, so that they are the same on every machine.
    """
    allowed = {name: os.environ[name] for name in _ALLOWED if name in os.environ}
    return {"LC_ALL": "C.UTF-8", "TZ": "UTC", **allowed, **extra}


def user_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a package manager: the user's own, including index settings.

    Variables that would make it use another interpreter than the given one are left out.
    """
    variables = {k: v for k, v in os.environ.items() if not k.startswith(_REDIRECTS_PYTHON)}
    return {**variables, **extra}


def run_process(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
    limit: int = OUTPUT_LIMIT,
    umask: int = -1,
) -> Completed:
    """Run a command until it ends, or for `timeout` seconds, and end all its descendants.

    Of each stream the first and last `limit / 2` bytes are kept; `umask` is the command's, or -1
    for that of the user. Raises `CommandNotFoundError` if the program cannot be started at all.
    """
    command = [os.fspath(arg) for arg in argv]
    started = time.monotonic()
    supervisor = _Supervisor.start(command, env=env, cwd=cwd, umask=umask)
    stdout, stderr = _Kept(limit), _Kept(limit)
    process = supervisor.process
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        try:
            streams = [(process.stdout, stdout), (process.stderr, stderr)]
            timed_out = _read_streams(process, streams, Deadline.after(timeout))
        finally:
            ended = supervisor.end()
    if ended.errno:
        raise CommandNotFoundError(f"{command[0]}: {os.strerror(ended.errno)}")
    seconds = time.monotonic() - started
    stopped_after = seconds if timed_out else None
    return Completed(
        argv=tuple(command),
        ending=Ending(returncode=ended.returncode, stopped_after=stopped_after),
        stdout=stdout.text(),
        stderr=stderr.text(),
        seconds=seconds,
        ended=ended.commands,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    """The supervisor's answer about the end of its command."""

    errno: int = 0
    """The error that kept the command from being started, or 0."""
    returncode: int = 0
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Supervisor:
    process: subprocess.Popen[bytes]
    line: socket.socket
    mark: str

    @classmethod
    def start(
        cls, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, umask: int
    ) -> _Supervisor:
        mark = uuid.uuid4().hex
        line, supervisors_end = socket.socketpair()
        with supervisors_end:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LOADER],
                # Not the user's own environment: a flow can read this one in /proc.
                env={name: os.environ[name] for name in _LOADING if name in os.environ},
                cwd="/",
                stdin=supervisors_end.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                umask=umask,
            )
        variables = {os.fsencode(k): os.fsencode(v) for k, v in {**env, _MARK: mark}.items()}
        request = ([os.fsencode(arg) for arg in argv], variables, os.fsencode(cwd))
        with contextlib.suppress(OSError):  # it has died: its output has the reason
            line.sendall(_supervisor_code() + marshal.dumps(request))
        return cls(process=process, line=line, mark=mark)

    def end(self) -> _Ended:
        """End the command, if it has not ended, and all its descendants."""
        with self.line:
            with contextlib.suppress(OSError):
                self.line.shutdown(socket.SHUT_WR)
            try:
                self.process.wait(timeout=_END_WITHIN)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            answer = self._answer()
        if not answer.get("adopts") and not answer.get("errno"):
            _end_marked(self.mark)
        if "status" not in answer:
            return _Ended(errno=answer.get("errno", 0), returncode=self.process.returncode)
        status = answer["status"]
        return _Ended(
            returncode=-signal.SIGKILL if status is None else os.waitstatus_to_exitcode(status),
            commands=tuple(map(_command_line, answer["ended"])),
        )

    def _answer(self) -> dict[str, Any]:
        """Return the supervisor's answer; empty if the supervisor itself was ended."""
        self.line.setblocking(False)
        received = b""
        with contextlib.suppress(OSError):
            while data := self.line.recv(65536):
                received += data
        try:
            answer = marshal.loads(received)  # noqa: S302  our own process, on a private socket
        except (EOFError, ValueError, TypeError):
            return {}
        return answer if isinstance(answer, dict) else {}


@cache
def _supervisor_code() -> bytes:
    """Return the compiled supervisor: to compile it takes a third of its start."""
    source = _SUPERVISOR.read_text(encoding="utf-8")
    return marshal.dumps(compile(source, str(_SUPERVISOR), "exec", dont_inherit=True))


def _command_line(command: bytes) -> str:
    return " ".join(command.decode(errors="replace").split("\0"))


class _Kept:
    """The first and the last bytes of a stream; the bytes between are counted and dropped."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0

    def add(self, data: bytes) -> None:
        room = self._half - len(self._head)
        self._head += data[:room] if room > 0 else b""
        rest = data[max(room, 0) :]
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._half:
            gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._dropped += len(gone)

    def text(self) -> str:
        cut = f"\n[... {self._dropped:,} bytes left out ...]\n" if self._dropped else ""
        head = bytes(self._head).decode(errors="replace")
        return head + cut + b"".join(self._tail).decode(errors="replace")


def _read_streams(
    supervisor: subprocess.Popen[bytes],
    streams: Sequence[tuple[IO[bytes], _Kept]],
    deadline: Deadline,
) -> bool:
    """Read both pipes until the supervisor is done; return True if the deadline came first."""
    with selectors.DefaultSelector() as selector:
        for stream, kept in streams:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, kept)
        ended: float | None = None
        while selector.get_map():
            now = time.monotonic()
            if ended is None and supervisor.poll() is not None:
                ended = now
            if ended is not None and now - ended > _GRACE:
                return False
            if ended is None and not deadline.left:
                return True
            # Another process may have the pipe open after the supervisor's end: poll that as well.
            for key, _ in selector.select(timeout=min(0.1, max(deadline.left, 0.001))):
                data = os.read(key.fd, 65536)
                if data:
                    key.data.add(data)
                else:
                    selector.unregister(key.fileobj)
    try:
        supervisor.wait(timeout=max(deadline.left, 0.001))
    except subprocess.TimeoutExpired:
        return True
    return False


def _end_marked(mark: str) -> None:
    # Each round may find processes that were started before their parent was killed.
    for _ in range(10):
        left = _marked(mark)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _marked(mark: str) -> list[int]:
    """Return the processes with the mark in their environment; empty without /proc."""
    entry = f"{_MARK}={mark}".encode()
    pids = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if entry in file.read_bytes():
                pids.append(int(file.parent.name))
    return pids
