"""The only place that starts a subprocess.

Every child has an explicit environment, no standard input, a deadline and bounded output. When
it ends, whatever it left behind ends too: its process group is killed, and so is each process
that still carries the mark which the child put into its own environment, so that a daemon that
moved into another session does not outlive a check.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
import uuid
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OUTPUT_LIMIT = 1_000_000
"""Bytes of stdout, and of stderr, that are kept: the first half and the last."""

_MARK = "FLOWREPRO_PROCESS"
_GRACE = 0.5
"""Seconds to go on reading after the child has ended, when a grandchild holds the pipe open."""

_ALLOWED = ("PATH", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")

_REDIRECTS_PYTHON = ("PYTHON", "VIRTUAL_ENV", "CONDA_", "__PYVENV_LAUNCHER__", "METAFLOW_")


class CommandNotFoundError(Exception):
    """The program itself could not be started."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    argv: tuple[str, ...]
    returncode: int
    """Negative: the number of the signal that ended it."""
    stdout: str
    stderr: str
    timed_out: bool
    seconds: float

    @property
    def ok(self) -> bool:
        return self.returncode == 0 and not self.timed_out

    @property
    def ending(self) -> str:
        """How it ended, in words: `exit code 3`, `signal SIGSEGV`, `stopped after 30 s`."""
        if self.timed_out:
            return f"stopped after {self.seconds:.0f} s"
        if self.returncode < 0:
            return f"signal {signal_name(-self.returncode)}"
        return f"exit code {self.returncode}"


def signal_name(number: int) -> str:
    """`SIGSEGV` for 11; `signal 77` for a number that has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def isolated_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a flow: an allowlist of the user's variables, and `extra`.

    Locale and time zone are fixed, so that they are the same on every machine.
    """
    kept = {name: os.environ[name] for name in _ALLOWED if name in os.environ}
    return {"LC_ALL": "C.UTF-8", "TZ": "UTC", **kept, **extra}


def user_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a package manager: the user's own, index settings and all.

    What would make it work on another interpreter than the one it is given is left out.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_REDIRECTS_PYTHON)}
    return {**kept, **extra}


def run_process(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
    limit: int = OUTPUT_LIMIT,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Run a command to its end, or to the end of `timeout` seconds, and end all it started.

    `on_line` is called with each line of stdout as it comes. Raises `CommandNotFoundError`
    where the program cannot be started at all.
    """
    mark = uuid.uuid4().hex
    command = [os.fspath(arg) for arg in argv]
    started = time.monotonic()
    try:
        child = subprocess.Popen(
            command,
            env={**env, _MARK: mark},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandNotFoundError(f"{command[0]}: {error.strerror}") from error
    stdout, stderr = _Kept(limit, on_line), _Kept(limit, None)
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        timed_out = _read(
            child, [(child.stdout, stdout), (child.stderr, stderr)], started + timeout
        )
    finally:
        _end_tree(child, mark)
        child.stdout.close()
        child.stderr.close()
    return Completed(
        argv=tuple(command),
        returncode=child.returncode,
        stdout=stdout.text(),
        stderr=stderr.text(),
        timed_out=timed_out,
        seconds=time.monotonic() - started,
    )


class _Kept:
    """The first and the last bytes of a stream; what lies between is counted and dropped."""

    def __init__(self, limit: int, on_line: Callable[[str], None] | None) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0
        self._on_line = on_line
        self._line = b""

    def add(self, data: bytes) -> None:
        if self._on_line is not None:
            *lines, self._line = (self._line + data).split(b"\n")
            self._line = self._line[-self._half :]
            for line in lines:
                self._on_line(line.decode(errors="replace"))
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


def _read(
    child: subprocess.Popen[bytes], streams: Sequence[tuple[IO[bytes], _Kept]], deadline: float
) -> bool:
    """Read both pipes until the child is done; True when the deadline came first."""
    with selectors.DefaultSelector() as selector:
        for stream, kept in streams:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, kept)
        ended: float | None = None
        while selector.get_map():
            now = time.monotonic()
            if ended is None and child.poll() is not None:
                ended = now
            if ended is not None and now - ended > _GRACE:
                return False
            if ended is None and now >= deadline:
                return True
            # A grandchild may hold the pipe after the child's end: look at the child as well.
            for key, _ in selector.select(timeout=min(0.1, max(deadline - now, 0.001))):
                data = os.read(key.fd, 65536)
                if data:
                    key.data.add(data)
                else:
                    selector.unregister(key.fileobj)
    try:
        child.wait(timeout=max(deadline - time.monotonic(), 0.001))
    except subprocess.TimeoutExpired:
        return True
    return False


def _end_tree(child: subprocess.Popen[bytes], mark: str) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    # Each round may find what a process that was not yet killed has started meanwhile.
    for _ in range(10):
        left = _marked(mark)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _marked(mark: str) -> list[int]:
    """Processes that carry the mark in their environment; none where there is no /proc."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in entry.read_bytes():
                found.append(int(entry.parent.name))
    return found
