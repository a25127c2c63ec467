from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_flowrepro.support.ending import Ending
from pytest_flowrepro.support.process import (
    CommandNotFoundError,
    Completed,
    isolated_environment,
    run_process,
    user_environment,
)


def run(code: str, *, timeout: float = 20, limit: int = 1000) -> Completed:
    return run_process(
        [sys.executable, "-c", code],
        env=dict(os.environ),
        cwd=Path.cwd(),
        timeout=timeout,
        limit=limit,
    )


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split()[2] != "Z"


def test_gives_both_streams_and_the_exit_code() -> None:
    done = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.stdout, done.stderr, done.ending.returncode) == ("out\n", "err\n", 3)
    assert str(done.ending) == "exit code 3"
    assert not done.ok


@pytest.mark.parametrize(
    ("number", "description"),
    [
        (11, "signal SIGSEGV"),
        (6, "signal SIGABRT"),
        (9, "signal SIGKILL, perhaps out of memory"),
        (15, "signal SIGTERM"),
    ],
)
def test_names_the_signal_that_ended_it(number: int, description: str) -> None:
    done = run(f"import os; os.kill(os.getpid(), {number})")
    assert (done.ok, str(done.ending)) == (False, description)


def test_has_nothing_on_its_standard_input() -> None:
    assert run("print(repr(input()))").ending == Ending(returncode=1)


def test_a_hang_is_stopped_at_the_deadline() -> None:
    done = run("import time; print('begun', flush=True); time.sleep(60)", timeout=1)
    assert done.ending.timed_out
    assert str(done.ending) == "stopped after 1 s"
    assert done.stdout == "begun\n"
    assert done.seconds < 5


def test_a_child_that_closed_its_streams_is_stopped_at_the_deadline_too() -> None:
    done = run("import os, time; os.close(1); os.close(2); time.sleep(60)", timeout=1)
    assert done.ending.timed_out


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="daemons are found in /proc")
def test_a_daemon_in_another_session_ends_with_the_process_that_left_it() -> None:
    done = run(
        "import os, sys, time\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.setsid()\n"
        "    time.sleep(60)\n"
        "print(pid)\n"
    )
    assert done.ok
    assert not alive(int(done.stdout))
    # It held our pipe open all the while: that is no reason to wait for it.
    assert done.seconds < 10


def test_keeps_the_first_and_the_last_of_a_long_output() -> None:
    done = run("import sys; sys.stdout.write('a' * 400 + 'b' * 1_000_000 + 'c' * 500)")
    assert done.stdout.startswith("a" * 400 + "b")
    assert done.stdout.endswith("c" * 500)
    assert "bytes left out" in done.stdout
    assert len(done.stdout) < 70_000


def test_output_that_is_not_utf8_is_kept_as_far_as_it_is() -> None:
    done = run(r"import sys; sys.stdout.buffer.write(b'caf\xe9 ok')")
    assert done.stdout == "caf� ok"


def test_a_program_that_is_not_there_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(CommandNotFoundError, match="no-such-program: No such file"):
        run_process([tmp_path / "no-such-program"], env={}, cwd=tmp_path, timeout=1)


def test_a_flow_sees_only_allowed_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    monkeypatch.setenv("METAFLOW_PROFILE", "prod")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    environment = isolated_environment({"HOME": "/nowhere"})
    assert environment["HOME"] == "/nowhere"
    assert environment["TZ"] == "UTC"
    assert not {"API_TOKEN", "METAFLOW_PROFILE", "PYTHONPATH"} & set(environment)


def test_a_package_manager_sees_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TIMEOUT", "7")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = user_environment({"UV_NO_PROGRESS": "1"})
    assert (environment["PIP_TIMEOUT"], environment["UV_OFFLINE"]) == ("7", "1")
    assert "PYTHONPATH" not in environment
