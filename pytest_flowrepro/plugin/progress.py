"""The line at the bottom of a terminal that shows what runs now, and leaves nothing behind.

Each process of a session writes what it does into a folder. The one with the terminal reads them
all from a thread, and draws them below pytest's own output.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.plugin.last_times import LastTimes
from pytest_flowrepro.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from pytest_flowrepro.pipeline import Doing

_INTERVAL = 0.25
"""Seconds between two drawings."""
_PAUSE = 0.5
"""Seconds without a drawing after a result, while pytest writes about it."""


@dataclass(slots=True, eq=False)  # hashable: pytest keeps plugins in sets
class Announcements:
    """The file in which this process says what it does."""

    folder: Path

    @property
    def _file(self) -> Path:
        return self.folder / f"{os.getpid()}.json"

    def __call__(self, doing: Doing) -> None:
        observed = str(doing.observed) if doing.observed is not None else None
        fields = {
            "file": doing.file,
            "title": doing.title,
            "stage": doing.stage,
            "timing": doing.timing,
            "observed": observed,
            "tasks": doing.tasks,
            "since": time.time() - doing.spent,
        }
        with suppress(OSError):  # a full disk is reported by what needs the space
            self.folder.mkdir(exist_ok=True)
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(fields), encoding="utf-8")
            part.replace(self._file)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None, None, None]:
        try:
            yield
        finally:
            self._file.unlink(missing_ok=True)


def progress_line(folder: Path, *, now: float, last: LastTimes | None = None) -> str:
    """Return what the processes do, as one line without a control character; empty if nothing."""
    by_flow: dict[tuple[str, str], dict[str, Any]] = {}
    for fields in _announced(folder):
        key = fields["file"], fields["title"]
        # Two workers may check one flow: one rebuilds its environment, the other reruns it.
        if key not in by_flow or fields["observed"]:
            by_flow[key] = fields
    phrases = (_phrase(fields, now, last or LastTimes()) for fields in by_flow.values())
    return inert("; ".join(phrases))


def _announced(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError):  # it has just ended
            yield json.loads(file.read_bytes())


def _phrase(fields: dict[str, Any], now: float, last: LastTimes) -> str:
    words = [f"{fields['title']}: {fields['stage']}", *_tasks(fields)]
    expected = last.expected(f"{fields['file']}::{fields['title']}", fields["timing"])
    of = f" of ~{expected:.0f} s" if expected is not None and expected >= 1 else ""
    return ", ".join([*words, f"{max(0, now - fields['since']):.0f} s{of}"])


def _tasks(fields: dict[str, Any]) -> Iterator[str]:
    """Yield the step that began last, and the number of tasks that ended."""
    if fields["observed"] is None:
        return
    from pytest_flowrepro.rerun.run_records import STARTED  # noqa: PLC0415  not for collecting

    observed = Path(fields["observed"])
    try:
        names = [file.name for file in observed.iterdir()]
        step = json.loads((observed / STARTED).read_bytes().splitlines()[-1])["step"]
    except (OSError, ValueError, IndexError, KeyError):
        return  # no task has begun
    yield f"step {step}"
    tasks = (name.split("-") for name in names if name.count("-") == 2)
    done = len({(step, task) for step, task, _ in tasks if step != "_parameters"})
    of = f" of {fields['tasks']}" if fields["tasks"] else ""
    yield f"{done}{of} tasks done"


@dataclass(slots=True, eq=False)
class LiveLine:
    """The line on the terminal."""

    folder: Path
    column: Callable[[], int]
    """Return the number of characters that pytest has written into its current line."""
    last: LastTimes = field(default_factory=LastTimes)
    _terminal: int | None = None
    _drawn: bool = False
    _quiet_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            self._terminal = os.dup(1)
        else:
            with capture.global_and_fixture_disabled():
                self._terminal = os.dup(1)
        thread = threading.Thread(target=self._run, name="flowrepro-progress", daemon=True)
        thread.start()
        try:
            return (yield)
        finally:
            self._end.set()
            thread.join()
            self.erase()
            os.close(self._terminal)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self.erase()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self) -> None:
        self.erase()

    def erase(self) -> None:
        """Take the line away, and leave the cursor where pytest has it."""
        with self._lock:
            self._quiet_until = time.monotonic() + _PAUSE
            if self._drawn:
                self._drawn = False
                self._write(f"\r\x1b[K\x1b[A\x1b[{self.column() + 1}G")

    def draw(self, text: str) -> None:
        """Draw the line below that of pytest, over the one that is there."""
        with self._lock:
            if time.monotonic() < self._quiet_until:
                return
            width = shutil.get_terminal_size().columns - 1
            self._write(f"{'' if self._drawn else chr(10)}\r\x1b[K\x1b[2m{text[:width]}\x1b[22m")
            self._drawn = True

    def _run(self) -> None:
        while not self._end.wait(_INTERVAL):
            text = progress_line(self.folder, now=time.time(), last=self.last)
            if text:
                self.draw(text)

    def _write(self, text: str) -> None:
        if self._terminal is not None:
            with suppress(OSError):
                os.write(self._terminal, text.encode(errors="backslashreplace"))


def live_line(config: pytest.Config, folder: Path, last: LastTimes) -> LiveLine | None:
    """Return the line for the terminal of this process; None if there is none to draw on."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not reporter.isatty or os.environ.get("TERM") in {None, "", "dumb"}:
        return None
    writer = config.get_terminal_writer()
    return LiveLine(folder=folder, column=lambda: writer.width_of_current_line, last=last)
