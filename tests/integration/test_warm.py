"""A task that is a fork of a process that has imported Metaflow is what a new interpreter is."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import FLOWS
from flow_processes import flow_process, flow_source

from pytest_flowrepro.capture.capture import Reading, capture
from pytest_flowrepro.model import FlowEnvironments
from pytest_flowrepro.rerun.rerun import Place, RunOptions, flow_environment, rerun_flow
from pytest_flowrepro.support.in_venv import IN_VENV
from pytest_flowrepro.support.process import Completed, run_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_flowrepro.model import BuiltEnvironment, FlowProcess, Run

    Rerun = Callable[..., tuple[Run, Place]]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tasks are forked on Linux alone")

WARM = IN_VENV / "warm.py"
CLIENT = WARM.with_name("warm_client.py")

UNLIKE = re.compile(r"\d{4}-\d\d-\d\d [\d:.]+|pid \d+|\d{10,}|0x[0-9a-f]+")
"""Times, process ids, run ids and addresses."""


@pytest.fixture(scope="module")
def rerun(
    metaflow_environment: BuiltEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Rerun:
    root = tmp_path_factory.mktemp("warm")

    def run(
        flow: str,
        mode: str = "",
        *,
        warm: bool,
        then: Callable[[Place, FlowProcess], Sequence[Path]] = lambda *_: (),
    ) -> tuple[Run, Place]:
        place = Place(root=root / "place").create()
        file = place.copy / "mirror.py"
        file.write_bytes((FLOWS / "warm" / "mirror.py").read_bytes())
        given = {"MODE": mode, "PYTHONPYCACHEPREFIX": str(root / "pycache")}
        source, environments = flow_source(file, flow), FlowEnvironments(base=metaflow_environment)
        env = flow_environment(source, place, environments, configured=given)
        env["PYTHONPYCACHEPREFIX"] = given["PYTHONPYCACHEPREFIX"]
        python = metaflow_environment.python
        process = flow_process(source, python=python, env=env, timeout=60)
        options = RunOptions(max_workers=1, warm=warm)
        return rerun_flow(process, place, options, then=then(place, process)), place

    return run


def same(text: str) -> str:
    return UNLIKE.sub("N", text)


def test_a_fork_is_what_a_new_interpreter_is(rerun: Rerun) -> None:
    def facts(*, warm: bool) -> list[dict[str, Any]]:
        ran, place = rerun("MirrorFlow", warm=warm)
        assert ran.ok, ran.output
        told: list[dict[str, Any]] = json.loads(same((place.copy / "facts.json").read_text()))
        for task in told:
            assert task.pop("is a fork") is warm
            task["environ"].pop("FLOWREPRO_PROCESS")  # another one for each rerun
            # Metaflow leaves its classes in `__main__`, in a fork before the flow's file begins.
            task["at start"] = [name for name in task["at start"] if name.startswith("__")]
        return told

    for fork, new in zip(facts(warm=True), facts(warm=False), strict=True):
        for name, fact in new.items():
            assert fork[name] == fact, name


ENDINGS = ("exit 3", "_exit 4", "SIGSEGV", "SIGKILL", "SIGTERM", "raise", "interrupt", "thread")


def ending(rerun: Rerun, mode: str, *, warm: bool) -> tuple[int, list[str]]:
    ran, _ = rerun("EndingFlow", mode, warm=warm)
    # stdout and stderr of a task come by two pipes.
    return ran.ending.returncode, sorted(same(ran.output).splitlines())


@pytest.mark.parametrize("mode", [*ENDINGS, "import"])
def test_a_fork_ends_as_a_new_interpreter_does(rerun: Rerun, mode: str) -> None:
    assert ending(rerun, mode, warm=True) == ending(rerun, mode, warm=False)


def test_variables_that_metaflow_reads_when_it_is_imported_count_in_a_fork_as_well(
    rerun: Rerun,
) -> None:
    fork = ending(rerun, "variable", warm=True)
    assert "retries: 77" in "\n".join(fork[1])
    assert fork == ending(rerun, "variable", warm=False)


TELL = """
import sys
at_start = {name: getattr(one, "__file__", None) for name, one in sys.modules.items()}
import json, metaflow, os, signal
told = {
    "argv": sys.argv,
    "command line": open("/proc/self/cmdline").read().rstrip("\\0").split("\\0"),
    "cwd": os.getcwd(),
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "environ": dict(os.environ),
    "hash": hash("seed"),
    "modules": {name: getattr(one, "__file__", None) for name, one in sys.modules.items()},
    "path": sys.path,
    "signals": [str(signal.getsignal(one)) for one in signal.Signals],
}
print(at_start.get("metaflow") is not None, file=sys.stderr)
json.dump(told, open(sys.argv[1], "w"))
"""


def test_what_follows_a_flow_is_what_a_new_interpreter_is(rerun: Rerun, tmp_path: Path) -> None:
    script, fork, new = (tmp_path / name for name in ("tell.py", "fork.json", "new.json"))
    script.write_text(TELL)
    ran, place = rerun("EndingFlow", warm=True, then=lambda *_: (script, fork))
    assert ran.ok
    assert place.ended_well.read_text() == "True\n", "it was not forked"
    told = json.loads(fork.read_text())
    python, *_ = told["command line"]
    environ, cwd = told["environ"], told["cwd"]
    done = run_process([python, script, new], env=environ, cwd=Path(cwd), timeout=30, umask=0o22)
    assert (done.ok, done.stderr) == (True, "False\n")
    plain = json.loads(new.read_text())
    plain["argv"][1] = plain["command line"][2] = str(fork)
    for one in (told, plain):
        del one["environ"]["FLOWREPRO_PROCESS"]  # another one for each command
    for name, fact in plain.items():
        assert told[name] == fact, name


@pytest.mark.parametrize("log", ["log", "gone/log"])
@pytest.mark.parametrize(
    "script", ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)", None]
)
def test_a_flow_has_ended_well_whatever_becomes_of_what_follows(
    tmp_path: Path, log: str, script: str | None
) -> None:
    follows = tmp_path / "follows.py"
    if script is not None:
        follows.write_text(f"print('follows')\n{script}")
    done = run_warm(tmp_path, "import metaflow", then=["2", str(tmp_path / log), str(follows), "x"])
    assert (done.ending.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / log).exists() is (log == "log")


def test_nothing_follows_a_flow_that_fails(rerun: Rerun, tmp_path: Path) -> None:
    script = tmp_path / "tell.py"
    script.write_text(TELL)
    told = tmp_path / "fork.json"
    ran, place = rerun("EndingFlow", "raise", warm=True, then=lambda *_: (script, told))
    assert (ran.ok, place.ended_well.exists(), told.exists()) == (False, False, False)


def test_a_fork_reads_the_artifacts_of_a_run_as_a_new_interpreter_does(rerun: Rerun) -> None:
    readings = []

    def read(place: Place, process: FlowProcess) -> Sequence[Path]:
        reading = Reading(
            process=process,
            datastore=place.datastore,
            observed=place.observed,
            workspace=place.root,
            steps=("start", "part", "join", "end"),
            timeout=60,
            limit=1_000_000,
        )
        readings.append(reading)
        return reading.ahead(place.run_id)

    ran, place = rerun("MirrorFlow", warm=True, then=read)
    assert (ran.ok, place.ended_well.read_text()) == (True, "")
    (reading,) = readings
    fork = reading.result.read_text("utf-8")
    assert capture(ran, reading).tasks
    reading.result.unlink()
    assert [task.step for task in capture(ran, reading).tasks] == [
        "start",
        "part",
        "part",
        "join",
        "end",
    ]
    assert reading.result.read_text("utf-8") == fork
    assert "pickled with" in fork


METAFLOW = """
import sys
{statement}
"""
SCRIPT = """
import sys
import metaflow
print(hasattr(sys, "_flowrepro_warm"), sys.argv, sys.path[0])
"""
# What Metaflow's import does -> whether forks are made all the same.
IMPORTS = {
    "pass": True,
    "import threading, time; threading.Thread(target=time.sleep, args=[1], daemon=True).start()": (
        False
    ),
    "kept = open(__file__)": False,
    "import helper": False,
    "sys.modules['numpy'] = sys": False,
    "import os\nif 'warm.py' in sys.orig_argv[2]: raise ImportError": False,
}


def run_warm(
    tmp_path: Path,
    script: str,
    *arguments: str,
    metaflow: str = "pass",
    then: Sequence[str] = (),
    **env: str,
) -> Completed:
    """Run a script as a flow is run, with a stand-in for Metaflow whose import does as is said."""
    copy = tmp_path / "copy"
    copy.mkdir()
    (tmp_path / "metaflow.py").write_text(METAFLOW.format(statement=metaflow))
    (copy / "helper.py").write_text("")
    (copy / "flow.py").write_text(script)
    socket = str(tmp_path / "socket")
    return run_process(
        [
            *(sys.executable, "-u", str(WARM), *(("--then", *then) if then else ())),
            *(socket, "flow.py", *arguments, " " * 100),
        ],
        env={"FLOWREPRO_COPY": str(copy), "PYTHONPATH": str(tmp_path), **env},
        cwd=copy,
        timeout=30,
    )


@pytest.mark.parametrize("statement", IMPORTS)
def test_what_could_not_be_forked_runs_in_interpreters_of_its_own(
    tmp_path: Path, statement: str
) -> None:
    done = run_warm(tmp_path, SCRIPT, "run", metaflow=statement)
    said = f"{IMPORTS[statement]} ['flow.py', 'run'] {tmp_path / 'copy'}\n"
    assert (done.stdout, done.ending.returncode, done.ended) == (said, 0, ()), done.stderr


def test_a_fork_finds_modules_next_to_its_file_unless_python_is_not_to(tmp_path: Path) -> None:
    done = run_warm(tmp_path, SCRIPT, PYTHONSAFEPATH="1")
    assert done.stdout == f"True ['flow.py'] {tmp_path}\n", done.stderr


TASK = f"""
import metaflow, os, signal, subprocess, sys, time
if sys.argv[1] == "task":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    print(os.getpid(), flush=True)
    time.sleep(60)
client = [sys.executable, "-I", "-S", {str(CLIENT)!r}, sys._flowrepro_warm.addresses[None]]
task = [sys.executable, "flow.py", "task"]
with subprocess.Popen(client + task, stdout=subprocess.PIPE) as started:
    pid = started.stdout.readline().decode().strip()
    started.send_signal(int(sys.argv[1]))
until = time.monotonic() + 10
while os.path.exists("/proc/" + pid) and time.monotonic() < until:
    time.sleep(0.01)
print(started.returncode, os.path.exists("/proc/" + pid), pid == str(started.pid))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 7), (signal.SIGKILL, -9)])
def test_a_signal_for_the_proxy_of_a_task_reaches_the_task(
    tmp_path: Path, number: int, code: int
) -> None:
    done = run_warm(tmp_path, TASK, str(int(number)))
    assert done.stdout == f"{code} False False\n", done.stderr
    assert done.ended == ()


OF_A_STEP = """
import os, types
name = "metaflow_extensions.flowrepro.plugins.flowrepro_observe"
sys.modules[name] = observe = types.ModuleType(name)
observe.PYTHONS = {"train": sys.executable}
observe.variables_of = lambda python: {"OF_TRAIN": "yes"}
{more}
"""
STEP = f"""
import metaflow, os, subprocess, sys
if sys.argv[1] == "task":
    print(hasattr(sys, "_flowrepro_warm"), os.environ.get("OF_TRAIN"), os.environ["TASK"])
else:
    address = sys._flowrepro_warm.addresses[sys.executable]
    client = [sys.executable, "-I", "-S", {str(CLIENT)!r}, address, sys.executable]
    subprocess.run([*client, "flow.py", "task"], env={{**os.environ, "TASK": "1"}})
"""


@pytest.mark.parametrize(
    ("more", "forked"),
    [
        ("", True),
        ("if '--tasks' in sys.orig_argv: raise ImportError", False),
        ("observe.variables_of = lambda python: {'PYTHONOPTIMIZE': '1'}", False),
    ],
)
def test_a_step_with_an_interpreter_of_its_own_has_a_process_to_fork_of_its_own(
    tmp_path: Path, more: str, forked: bool
) -> None:
    done = run_warm(tmp_path, STEP, "run", metaflow=OF_A_STEP.replace("{more}", more))
    assert (done.stdout, done.ending.returncode) == (f"{forked} None 1\n", 0), done.stderr
    assert done.ended == ()


def test_without_a_process_to_fork_a_task_is_a_new_interpreter(tmp_path: Path) -> None:
    script = tmp_path / "flow.py"
    script.write_text("import sys; print(sys.argv[1:]); sys.exit(5)")
    client = [sys.executable, "-I", "-S", str(CLIENT), str(tmp_path / "socket")]
    done = run_process(
        [*client, sys.executable, str(script), "a b"], env={}, cwd=tmp_path, timeout=30
    )
    assert (done.stdout, done.ending.returncode) == ("['a b']\n", 5)
