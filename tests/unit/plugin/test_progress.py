from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.pipeline import Doing
from pytest_flowrepro.plugin.last_times import LastTimes
from pytest_flowrepro.plugin.progress import Announcements, LiveLine, live_line, progress_line

if TYPE_CHECKING:
    from pathlib import Path


def doing(title: str, stage: str = "packaging") -> Doing:
    return Doing(file="flows/train.py", title=title, stage=stage, timing="rerun")


def announce(folder: Path, doing: Doing) -> float:
    Announcements(folder)(doing)
    (file,) = folder.glob("*.json")
    since: float = json.loads(file.read_bytes())["since"]
    return since


def test_a_stage_is_named_with_its_flow_and_its_duration(tmp_path: Path) -> None:
    since = announce(tmp_path / "p", doing("TrainFlow@small"))
    assert progress_line(tmp_path / "p", now=since + 4.4) == "TrainFlow@small: packaging, 4 s"


def test_a_rerun_names_the_step_and_counts_the_tasks(tmp_path: Path) -> None:
    observed = tmp_path / "observed"
    rerun = replace(doing("TrainFlow", "running"), observed=observed, tasks=6)
    since = announce(tmp_path / "p", rerun)
    assert progress_line(tmp_path / "p", now=since) == "TrainFlow: running, 0 s", "none has begun"

    observed.mkdir()
    started = [{"step": "start", "task_id": "1"}, {"step": "train", "task_id": "2"}]
    lines = "".join(f"{json.dumps(line)}\n" for line in started)
    (observed / "started.jsonl").write_text(lines, encoding="utf-8")
    for name in ("graph", "_parameters-0-0", "start-1-0", "start-1-1"):
        (observed / f"{name}.json").touch()
    text = progress_line(tmp_path / "p", now=since + 60)
    assert text == "TrainFlow: running, step train, 1 of 6 tasks done, 60 s"


def test_a_stage_has_the_seconds_that_it_took_last(tmp_path: Path) -> None:
    since = announce(tmp_path / "p", replace(doing("TrainFlow", "running"), spent=30))
    last = LastTimes({"flows/train.py::TrainFlow": {"rerun": 40.4, "capture": 3}})
    text = progress_line(tmp_path / "p", now=since + 32, last=last)
    assert text == "TrainFlow: running, 32 s of ~40 s"

    short = LastTimes({"flows/train.py::TrainFlow": {"rerun": 0.4}})
    assert progress_line(tmp_path / "p", now=since, last=short) == "TrainFlow: running, 0 s"
    other = LastTimes({"flows/other.py::TrainFlow": {"rerun": 40.4}})
    assert progress_line(tmp_path / "p", now=since, last=other) == "TrainFlow: running, 0 s"


def test_flows_of_one_name_in_two_files_are_both_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for process, file in ((11, "a.py"), (12, "b.py")):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        Announcements(tmp_path)(replace(doing("TrainFlow"), file=file))
    assert progress_line(tmp_path, now=time.time()).count("TrainFlow: packaging") == 2


def test_the_processes_of_a_session_share_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for process, title in ((11, "AFlow"), (12, "BFlow")):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        Announcements(tmp_path)(doing(title))
    text = progress_line(tmp_path, now=time.time())
    assert text == "AFlow: packaging, 0 s; BFlow: packaging, 0 s"


def test_a_flow_in_two_processes_is_shown_by_its_rerun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for process, observed in ((11, None), (12, tmp_path / "observed"), (13, None)):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        stage = "running" if observed else "packaging"
        Announcements(tmp_path)(replace(doing("AFlow", stage), observed=observed))
    assert progress_line(tmp_path, now=time.time()) == "AFlow: running, 0 s"


def test_what_has_ended_is_not_shown_and_no_name_gives_orders(tmp_path: Path) -> None:
    assert progress_line(tmp_path / "nothing", now=0) == ""
    (tmp_path / "1.json").write_text("{", encoding="utf-8")
    assert progress_line(tmp_path, now=0) == ""
    announce_bad = doing("\x1b[31mred")
    Announcements(tmp_path)(announce_bad)
    assert "\x1b" not in progress_line(tmp_path, now=0)


def test_a_test_that_ends_takes_its_announcement_back(pytester: pytest.Pytester) -> None:
    announcements = Announcements(pytester.path / "p")
    announcements(doing("TrainFlow"))
    setup = announcements.pytest_runtest_setup()
    next(setup)
    assert list((pytester.path / "p").glob("*.json"))
    with pytest.raises(StopIteration):
        next(setup)
    assert list((pytester.path / "p").glob("*")) == []


def test_the_line_is_drawn_below_and_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    ours, theirs = os.pipe()
    line = LiveLine(folder=tmp_path, column=lambda: 7, _terminal=theirs)
    line.draw("x" * 99)
    line.draw("short")
    line.erase()
    line.draw("not while pytest writes")
    os.close(theirs)
    with os.fdopen(ours, "rb") as terminal:
        assert terminal.read().decode() == (
            f"\n\r\x1b[K\x1b[2m{'x' * 19}\x1b[22m\r\x1b[K\x1b[2mshort\x1b[22m\r\x1b[K\x1b[A\x1b[8G"
        )


def test_there_is_no_line_without_a_terminal(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    assert live_line(pytestconfig, tmp_path, LastTimes()) is None
