"""What a flow can do to a rerun, and what becomes of it: never a pass, and nothing is lost."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.plugin.worker_store import SessionFolder

if TYPE_CHECKING:
    from conftest import Project


def in_count(project: Project, statement: str) -> None:
    """Let the step `count` do that first."""
    project.edit(
        "flow.py", '        print("counted"', f'        {statement}\n        print("counted"'
    )


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "import os; os.kill(os.getpid(), 9)",
            "*Task was ended by SIGKILL, perhaps out of memory.*",
        ),
        ("import os; os._exit(0)", "*HelloFlow*exit code 1*"),
        ("input()", "*use a Parameter*reads from stdin*"),
        ("import nothing_that_is_there", "*No module named 'nothing_that_is_there'*"),
    ],
)
def test_a_step_that_dies_is_a_failure_and_no_drift(
    hello: Project, statement: str, said: str
) -> None:
    in_count(hello, statement)
    result = hello.check("--flow-repro-json=report.json", "--flow-repro-timeout=30")
    (flow,) = json.loads((hello.path / "report.json").read_bytes())["flows"]
    assert flow["verdict"] == "error"
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([said])


@pytest.mark.parametrize(
    "statement",
    [
        "import os, sys; os.chdir('/'); sys.stdout.buffer.write(b'\\xe9'); print('x' * 30_000_000)",
        "import os, shutil; shutil.rmtree(os.getcwd())",
        "import os; open('flow.py', 'w').write(''); os.environ.clear()",
    ],
)
def test_what_a_step_does_to_its_surroundings_stays_there(hello: Project, statement: str) -> None:
    in_count(hello, statement)
    before = {path: path.read_bytes() for path in hello.path.glob("*.py")}
    result = hello.check("-k", "step[start] or step[count]", "--flow-repro-timeout=30")
    # Whether the flow survives what it did is its own matter; the user's tree and ours do.
    assert result.ret in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    assert {path: path.read_bytes() for path in hello.path.glob("*.py")} == before
    assert len(result.stdout.str()) < 1_000_000
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


DAEMON = """import subprocess, sys
        nothing = subprocess.DEVNULL
        sleep = [sys.executable, "-c", "import time; time.sleep(300)"]
        child = subprocess.Popen(sleep, start_new_session=True, stdout=nothing, stderr=nothing)
        open(MARK, "w").write(str(child.pid))"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="daemons are found in /proc")
def test_a_daemon_does_not_outlive_the_check(hello: Project) -> None:
    mark = hello.path / "pid"
    in_count(hello, DAEMON.replace("MARK", repr(str(mark))))
    hello.check("-k", "step[count]", "--flow-repro-timeout=30").assert_outcomes(
        passed=1, deselected=4
    )
    stat = Path("/proc", mark.read_text(), "stat")
    # A zombie is dead: it waits for whoever adopted it to take notice.
    assert not stat.exists() or stat.read_text().split()[2] == "Z"


def test_a_flow_that_writes_to_its_baseline_is_an_error_that_names_both(hello: Project) -> None:
    manifest, own = hello.baseline("HelloFlow") / "manifest.json", hello.path / "out.txt"
    in_count(hello, f"open({str(manifest)!r}, 'a').write(' '); open({str(own)!r}, 'w').close()")
    result = hello.check("-k", "step[count]")
    result.assert_outcomes(errors=1, deselected=4)
    name = "__flowrepro__/flow/HelloFlow/manifest.json"
    result.stdout.fnmatch_lines(
        [f"{name} changed while HelloFlow ran: step count wrote it*", f"*git checkout -- {name}*"]
    )


def test_what_metaflow_says_of_a_flow_that_it_cannot_load_has_no_secret(
    hello: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cret-of-jane")
    table = "[tool.pytest]\n[tool.flowrepro]\nenv = { API_TOKEN = { pass = true } }\n"
    hello.write("pyproject.toml", table)
    said = "import os\nraise ValueError('token ' + os.environ['API_TOKEN'])\n"
    hello.edit("flow.py", "from metaflow", f"{said}from metaflow")
    result = hello.check("-k", "environment")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(["*ValueError: token *API_TOKEN*"])
    assert "s3cret-of-jane" not in result.stdout.str()


def test_a_flow_that_edits_an_installed_file_does_not_poison_the_next_check(
    hello: Project,
) -> None:
    edit = "import idna; open(idna.__file__, 'a').write('poisoned = 1')"
    in_count(hello, edit)
    hello.check("-k", "step[count]").assert_outcomes(passed=1, deselected=4)
    hello.edit("flow.py", edit, "import idna; assert not hasattr(idna, 'poisoned')")
    hello.check("-k", "step[count]").assert_outcomes(passed=1, deselected=4)


def test_an_artifact_that_this_machine_cannot_read_is_an_error_and_no_drift(
    hello: Project,
) -> None:
    hello.edit(
        "flow.py",
        "from metaflow",
        "import os\n\nclass Ends:\n    def __reduce__(self):\n        return os._exit, (3,)\n\n"
        "from metaflow",
    )
    in_count(hello, "self.letters = Ends()")
    hello.edit("flow.py", "sum(self.letters.values())", "2")
    result = hello.check("-k", "step[count]")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "HelloFlow step[[]count[]] could not be compared",
            "count.letters  could not be compared: * -> *",
            "    cannot be loaded: its process ended with exit code 3",
            "error       *HelloFlow  *artifact* could not be compared*",
        ]
    )


OPAQUE = {
    "deep": "cannot be walked: nested deeper than 5000 levels",
    "exits": "cannot be loaded: its process ended with exit code 0",
    "gone": "cannot be unpickled: AttributeError: ",
    "leaves": "cannot be unpickled: SystemExit: 0",
    "refuses": "cannot be walked: RuntimeError: \\u001b[31m",
}
EXPLAINED = {
    "cycle": "[0]: 0 -> 1",
    "friends": "[12].name: 0 -> 1",
    "hostile": "[1]['inside'].x: 0 -> 1",
    "iterator": ".(args)[1].(args)[0][0]: 0 -> 1",
    "named": ".x: 0 -> 1",
    "numbers": "[2]: 0.0 -> -0.0",
    "orders": "removed",
    "prints": ".x: 0 -> 1",
    "surrogate": "0' -> ",
    "unordered": "['key 50']: added ",
}
REPORTS = ("r.md", "r.html", "r.json", "r.sarif", "r.gitlab", "r.xml")


def test_whatever_an_artifact_does_it_is_compared_and_so_are_the_others(project: Project) -> None:
    project.place_flows("faults")
    project.record().assert_outcomes(passed=6)
    recorded = project.artifacts("FaultsFlow")["start"]["[]"]
    assert [name for name, one in recorded.items() if "determinism" in one] == []
    assert [name for name, one in recorded.items() if "$opaque" in str(one)] == [*OPAQUE]

    project.edit("flow.py", "CHANGED = 0", "CHANGED = 1")
    options = [f"--flow-repro-{name[2:]}={name}" for name in REPORTS[:-1]]
    result = project.check(*options, "--junitxml=r.xml")
    result.assert_outcomes(passed=4, failed=2)
    (flow,) = json.loads((project.path / "r.json").read_bytes())["flows"]
    changes = {change["name"]: change for change in flow["changes"] if change["step"] == "start"}
    assert recorded.keys() - changes.keys() == {"as_ever"}
    assert all(change["gated"] for change in changes.values())
    for name, words in (OPAQUE | EXPLAINED).items():
        said = changes[name]["explanation"]
        assert any(words in line for line in said), said
    tasks = [(c["change"], c["index"]) for c in flow["changes"] if c["step"] == "work"]
    assert tasks == [("changed", [0]), ("changed", [2]), ("added", [3])]

    # Nothing of it gives an order to a terminal, a browser or the machine that runs the job.
    texts = {name: (project.path / name).read_text(encoding="utf-8") for name in REPORTS}
    assert texts["r.html"].count("<script>") == 1  # the page has one of its own
    for name, text in {**texts, "terminal": result.stdout.str()}.items():
        assert "owned" in text, name
        assert "\x1b[31m" not in text, name
        assert "\n::error" not in text, name
    assert "##[error]" not in result.stdout.str()


def test_a_full_disk_is_an_error_in_one_sentence(
    hello: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "flows/check.json")

    monkeypatch.setattr(SessionFolder, "once", full)
    result = hello.check()
    result.assert_outcomes(passed=1, errors=4)
    result.stdout.fnmatch_lines(["The disk is full*: * *", "*flows/check.json*", "*TMPDIR*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_flowrepro/*.py*")
