"""The host half with fake children, and the worker that loads artifacts with a fake datastore."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from capture_results import CARD, DIGEST, LOG, SCORE, result, task
from flow_processes import flow_process, flow_source

from _flowrepro import load as loading
from pytest_flowrepro.capture import capture as stage
from pytest_flowrepro.capture.baseline_values import Known
from pytest_flowrepro.capture.capture import Reading, capture
from pytest_flowrepro.model import Artifact, Run, Task, TaskLog
from pytest_flowrepro.support.ending import Ending
from pytest_flowrepro.support.errors import CaptureError
from pytest_flowrepro.support.in_venv import IN_VENV
from pytest_flowrepro.support.redaction import NOTHING, Redaction

if TYPE_CHECKING:
    from pytest_flowrepro.model import Capture, FlowProcess

in_venv: Any = import_module("capture")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(
        flow="TrainFlow",
        run_id="17",
        datastore=tmp_path / "datastore",
        observed=tmp_path / "observed",
        ending=Ending(),
        output="what Metaflow said",
        seconds=1.0,
    )


def capture_with(
    script: str,
    run: Run,
    folder: Path,
    *,
    redaction: Redaction = NOTHING,
    timeout: float = 20.0,
    **more: Any,
) -> Capture:
    """`script` has the request as `request`, and `answer(value)` to write the result."""
    file = folder / "fake.py"
    file.write_text(
        "import json, os, sys, time\n"
        "request = json.load(open(sys.argv[1]))\n"
        "def answer(value):\n"
        "    with open(sys.argv[2], 'w') as file:\n"
        "        file.write(value if isinstance(value, str) else json.dumps(value))\n" + script,
        encoding="utf-8",
    )
    env = {"PYTHONHASHSEED": "1", "FOR_THE_FLOW": "yes"}
    process = process_of(folder, env=env, redaction=redaction)
    return capture(run, reading(folder, process=process, timeout=timeout, script=file, **more))


def process_of(folder: Path, **more: Any) -> FlowProcess:
    flow = flow_source(folder / "train.py")
    return replace(flow_process(flow, python=Path(sys.executable), env={}), **more)


def reading(folder: Path, **more: Any) -> Reading:
    usual = Reading(
        process=process_of(folder),
        datastore=folder / "datastore",
        observed=folder / "observed",
        workspace=folder,
        steps=("start", "train", "end"),
        timeout=20.0,
    )
    return replace(usual, **more)


def test_the_child_gets_all_paths(run: Run, tmp_path: Path) -> None:
    script = (
        "log = {'step': 'start', 'index': [], 'ok': True, 'attempts': 1, 'written': [],"
        " 'modules': [], 'sources': [], 'drawn': [], 'signal': None,"
        " 'stdout': json.dumps(request),"
        " 'stderr': json.dumps(dict(os.environ))}\n"
        "answer('{\"parameters\": []}\\n' + json.dumps({'log': log}))"
    )
    (found,) = capture_with(script, run, tmp_path).logs
    request, environment = json.loads(found.stdout), json.loads(found.stderr)
    assert (request["flow"], request["run_id"]) == ("TrainFlow", "17")
    assert request["datastore"] == str(run.datastore)
    assert request["observed"] == str(run.observed)
    assert request["flow_file"] == str(tmp_path / "train.py")
    assert environment["FOR_THE_FLOW"] == "yes"
    assert environment["PYTHONHASHSEED"] == "0", "the walk of an object runs its code"


def test_tasks_are_in_the_order_of_the_steps_then_of_the_indexes(run: Run, tmp_path: Path) -> None:
    tasks = [task("end"), task("train", 10), task("train", 9), task("other"), task("start")]
    found = capture_with(f"answer({result(tasks=tasks)!r})", run, tmp_path)
    assert [(t.step, t.index) for t in found.tasks] == [
        ("start", ()),
        ("train", (9,)),
        ("train", (10,)),
        ("end", ()),
        ("other", ()),
    ]


def test_artifacts_are_read_and_sorted_by_name(run: Run, tmp_path: Path) -> None:
    artifacts = [SCORE, {**SCORE, "name": "a", "value": {"$opaque": "why"}, "opaque": True}]
    found = capture_with(
        f"answer({result(parameters=artifacts, tasks=[task('start', artifacts=[SCORE])])!r})",
        run,
        tmp_path,
    )
    score = Artifact(name="score", type="float", digest=DIGEST, value=0.5)
    other = replace(score, name="a", value={"$opaque": "why"}, opaque=True)
    assert found.parameters == (other, score)
    assert found.tasks == (Task(step="start", index=(), artifacts=(score,)),)


def test_a_log_says_how_often_the_task_began_and_what_it_wrote(run: Run, tmp_path: Path) -> None:
    (log,) = capture_with(f"answer({result(logs=[LOG])!r})", run, tmp_path).logs
    assert log == TaskLog(
        step="start",
        index=(),
        ok=True,
        attempts=2,
        written=("/copy/plot.png",),
        stdout="out",
        stderr="",
        modules=("pandas",),
        sources=("train.py",),
        drawn=("random 0f3a",),
    )


# What the child does -> what the user is told.
FAILURES = [
    ("sys.exit('no module named metaflow')", "could not be read: exit code 1"),
    ("os.kill(os.getpid(), 11)", "could not be read: signal SIGSEGV"),
    ("pass", "could not be read: exit code 0"),
    (
        "answer({'stopped': 'the full value of big cannot be kept: No space left on device'})",
        "could not be read: the full value of big cannot be kept: No space left on device",
    ),
    ("answer('')", "the file should have one line of parameters, has 0"),
    ("answer('[]')", "line 1 should be an object, is an array"),
    ("answer('{\"task\": NaN}')", "NaN"),
    ("answer('[' * 100_000)", "nested too deep"),
    ("answer('{\"tasks\": ' + '9' * 5000 + '}')", "5,000 digits"),
]


@pytest.mark.parametrize(("script", "words"), FAILURES)
def test_a_child_that_fails_is_an_error(script: str, words: str, run: Run, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        capture_with(script, run, tmp_path)
    assert caught.value.hint


def test_the_childs_own_words_are_kept(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as caught:
        capture_with("sys.exit('x' * 9000 + 'no module named metaflow')", run, tmp_path)
    assert caught.value.detail.rstrip().endswith("no module named metaflow")
    assert len(caught.value.detail) <= 4_000


def test_a_child_that_hangs_is_stopped(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="stopped after"):
        capture_with("time.sleep(60)", run, tmp_path, timeout=0.5)


def test_an_old_result_is_not_taken_for_a_new_one(run: Run, tmp_path: Path) -> None:
    capture_with(f"answer({result()!r})", run, tmp_path)
    with pytest.raises(CaptureError):
        capture_with("pass", run, tmp_path)


def test_an_answer_that_was_written_at_the_end_of_the_run_is_taken_where_the_request_is_the_same(
    run: Run, tmp_path: Path
) -> None:
    unreadable = reading(
        tmp_path, process=process_of(tmp_path, python=tmp_path / "gone" / "python")
    )

    def answer_ahead(asked: Reading) -> None:
        script, request, answer, run_id = asked.ahead(tmp_path / "run-id")
        assert (script, run_id) == (stage.SCRIPT, tmp_path / "run-id")
        assert json.loads(request.read_text("utf-8"))["run_id"] is None
        assert not answer.exists()
        answer.write_text(result(tasks=[task("start")]), encoding="utf-8")

    answer_ahead(unreadable)
    assert [one.step for one in capture(run, unreadable).tasks] == ["start"]
    answer_ahead(unreadable)
    with pytest.raises(CaptureError, match="could not be read"):
        capture(run, replace(unreadable, whole=("start.score",)))


def test_an_interpreter_that_is_gone_is_an_error(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="could not be read"):
        capture(run, reading(tmp_path, process=process_of(tmp_path, python=tmp_path / "gone")))


def test_an_encoder_is_used_where_any_of_the_interpreters_met_its_class(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "fake.py"
    file.write_text(
        "import json, sys\n"
        "request = json.load(open(sys.argv[1]))\n"
        "base = request['steps'] is None\n"
        "met = {'a.B': base, 'a.C': False, 'a.D': not base}\n"
        "with open(sys.argv[2], 'w') as file:\n"
        "    for line in {'parameters': []}, {'encoders': met}:\n"
        "        file.write(json.dumps(line) + '\\n')\n",
        encoding="utf-8",
    )
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    asked = reading(
        tmp_path, pythons={"train": other}, encoders=tmp_path / "encoders.py", script=file
    )
    found = capture(run, asked)
    assert found.encoders == (("a.B", True), ("a.C", False), ("a.D", True))


def test_a_run_that_never_began_has_nothing_to_read(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="never began") as caught:
        capture_with("answer({})", replace(run, run_id=None), tmp_path)
    assert caught.value.detail == "what Metaflow said"


@pytest.mark.parametrize(
    ("secret", "damage", "kept"),
    [
        ("s3cr3t-token", "", False),
        ("nowhere in it", "", True),
        ("nowhere in it", "open(file, 'w').close()\n", False),
        ("nowhere in it", "os.remove(file)\n", False),
    ],
)
def test_a_value_that_may_hold_a_secret_is_not_kept_whole(
    secret: str, damage: str, kept: bool, run: Run, tmp_path: Path
) -> None:
    script = (
        "import zipfile\n"
        f"file = os.path.join(request['values'], {DIGEST[7:23]!r} + '.npz')\n"
        "with zipfile.ZipFile(file, 'w') as archive:\n"
        "    archive.writestr('value.json', '[\"Bearer s3cr3t-token\"]')\n"
        f"{damage}answer({result(parameters=[{**SCORE, 'stored': True}])!r})"
    )
    redaction = Redaction({"API_TOKEN": secret})
    (found,) = capture_with(script, run, tmp_path, redaction=redaction).parameters
    file = tmp_path / "values" / f"{DIGEST[7:23]}.npz"
    assert found.stored == (file if kept else None)


def test_values_of_the_baseline_are_requested_and_filled_in(run: Run, tmp_path: Path) -> None:
    kept = Artifact(
        name="score", type="float", digest=DIGEST, value=1, sha="aa", stored=tmp_path / "old.npz"
    )
    known = Known(
        tasks=(Task(step="start", index=(), artifacts=(kept,)),), settled=frozenset({"start"})
    )
    script = (
        f"assert request['have'] == [{DIGEST!r}], request\n"
        "assert request['whole'] == ['train.*', 'start.score'], request\n"
        "assert request['limit'] == 7, request\n"
        "assert request['known'] == {'aa': {'type': 'float', 'digest': request['have'][0],"
        " 'value': 1, 'opaque': False, 'sha': 'aa'}}, request\n"
        f"answer({result(tasks=[task('start', artifacts=[SCORE])])!r})"
    )
    found = capture_with(script, run, tmp_path, known=known, limit=7, whole=("train.*",))
    assert found.tasks[0].artifacts[0].stored == tmp_path / "old.npz"


PICTURE = {**SCORE, "type": "PIL.Image.Image", "picture": True}
SAVE = f"open(os.path.join(request['values'], {DIGEST[7:23]!r} + '.png'), 'wb').write(b'12345')\n"


@pytest.mark.parametrize(
    ("script", "ignored", "kept"),
    [(SAVE, "", True), (SAVE, "end", False), ("", "", False)],
    ids=["kept", "ignored", "removed by the flow"],
)
def test_a_picture_is_kept_unless_its_artifact_is_ignored(
    script: str, ignored: str, kept: bool, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "values").mkdir()
    again = {**PICTURE, "name": "again"}  # of equal value, so in the same file
    script += f"answer({result(tasks=[task('end', artifacts=[PICTURE, again])])!r})"
    captured = capture_with(
        script, run, tmp_path, is_ignored=lambda step, name: (step, name) == (ignored, "score")
    )
    pictures = {artifact.name: artifact.picture for artifact in captured.tasks[0].artifacts}
    file = tmp_path / "values" / f"{DIGEST[7:23]}.png"
    assert pictures["score"] == (file if kept else None)
    assert (pictures["again"] is not None) == (kept or bool(ignored))


def test_pictures_are_kept_up_to_a_number_of_bytes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "PICTURES", 4)
    (tmp_path / "values").mkdir()
    script = f"{SAVE}answer({result(tasks=[task('end', artifacts=[PICTURE])])!r})"
    assert capture_with(script, run, tmp_path).tasks[0].artifacts[0].picture is None


def test_a_picture_of_the_baseline_stands_for_an_equal_value(run: Run, tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"12345")
    before = Artifact(
        name="score", type="float", digest=DIGEST, value=1, picture=tmp_path / "old.png"
    )
    known = Known(tasks=(Task(step="start", index=(), artifacts=(before,)),))
    script = f"answer({result(tasks=[task('start', artifacts=[SCORE])])!r})"
    captured = capture_with(script, run, tmp_path, known=known)
    assert captured.tasks[0].artifacts[0].picture == tmp_path / "old.png"


# --- where a task stands ----------------------------------------------------------------


def state(step: str, task_id: str, *path: int, loops: bool = False) -> Any:
    return in_venv.TaskState(
        step=step,
        task_id=task_id,
        attempt=0,
        path=path,
        loops=loops,
        ok=True,
        artifacts={},
        store=None,
        observed=None,
    )


def test_the_passes_of_a_loop_are_counted_for_each_task_of_a_foreach() -> None:
    tasks = [
        state("grind", "3", 0, loops=True),
        state("grind", "4", 1, loops=True),
        state("grind", "9", 0, loops=True),
        state("buff", "12", 0, loops=True),
        state("polish", "20", loops=True),
        state("wrap", "21", 0),
    ]
    found = [(task.step, task.path) for task in in_venv.with_passes(tasks)]
    assert found == [
        ("grind", (0, 0)),
        ("grind", (1, 0)),
        ("grind", (0, 1)),
        ("buff", (0, 0)),
        ("polish", (0,)),
        ("wrap", (0,)),
    ]


@pytest.mark.parametrize(
    ("stack", "index"), [(None, ()), ([], ()), ([2, 0], (2, 0)), ([1, None], (1, 0))]
)
def test_the_index_is_that_of_the_foreach_stack(
    stack: list[int | None] | None, index: tuple[int, ...]
) -> None:
    frames = None if stack is None else [SimpleNamespace(index=number) for number in stack]
    assert in_venv.task_index({"_foreach_stack": frames}) == index


class RuntimeMetadata:
    """The part of Metaflow's store of a task that has how its process ended."""

    def __init__(self, return_code: int | None) -> None:
        self.return_code = return_code

    def has_metadata(self, name: str) -> bool:
        return name == "runtime" and self.return_code is not None

    def load_metadata(self, names: list[str]) -> dict[str, dict[str, int | None]]:
        return {name: {"return_code": self.return_code} for name in names}


@pytest.mark.parametrize(
    ("return_code", "line"),
    [
        (None, ""),
        (0, ""),
        (1, ""),
        (-9, "Task was ended by SIGKILL, perhaps out of memory.\n"),
        (-11, "Task was ended by SIGSEGV.\n"),
        (-99, "Task was ended by signal 99.\n"),
    ],
)
def test_a_task_that_a_signal_ended_says_which(return_code: int | None, line: str) -> None:
    ended = state("start", "1")._replace(store=RuntimeMetadata(return_code))
    assert in_venv.ending(in_venv.ending_signal(ended)) == line


# --- what is read, and how much of it -------------------------------------------------


@pytest.mark.parametrize(
    ("count", "room"),
    [(1, 4_000), (5_000, 4_000), (5_001, 2_000), (10_001, 1_000), (30_000, 500), (10**7, 125)],
)
def test_many_artifacts_get_less_room_each(count: int, room: int) -> None:
    request = {"value_limit": stage.VALUE_LIMIT, "value_room": stage.VALUE_ROOM}
    assert in_venv.room_for_each(count, request) == room


def test_a_pickle_is_kept_whole_where_any_of_its_artifacts_is_asked_for() -> None:
    request = {"whole": ["train.weights", "*.curve"], "limit": 10, "full": 100}
    start, train, parent = state("start", "1"), state("train", "2"), state("prepare", "0")
    here = [
        start._replace(artifacts={"weights": "aa", "rows": "bb", "_internal": "ee"}),
        train._replace(artifacts={"weights": "aa", "curve": "cc"}),
    ]
    found = in_venv.pickles(here, [parent._replace(artifacts={"curve": "dd"})], request)
    assert {one.identity: one.whole for one in found} == {"aa": 100, "bb": 10, "cc": 100, "dd": 0}


# --- the worker -----------------------------------------------------------------------

WORKER = """
import json, os, pickle, resource, sys, time
sys.path.insert(0, sys.argv[1])
from _flowrepro.load import CannotReadError, Stored, load_all

class Store:
    # The part of Metaflow's TaskDataStore that is used.
    def __init__(self, pickles):
        self.pickles = pickles
        self._ca_store = self
        self._info = {name: {"type": "<class '__main__.Trap'>"} for name in pickles}
    def load_artifacts(self, names):
        for name in names:
            yield name, pickle.loads(self.pickles[name])
    def load_blobs(self, keys):
        return ((key, self.pickles[key]) for key in keys)

class Trap:
    def __init__(self, kind):
        self.kind = kind
    def __getstate__(self):
        if self.kind == "refuse" and "loaded" in vars(self):
            raise RuntimeError("not a second time")
        while self.kind == "wander" and "loaded" in vars(self):
            pass
        return {"kind": self.kind}
    def __setstate__(self, state):
        if state["kind"] in ("refuse", "wander"):
            vars(self).update(state, loaded=True)
            return
        if state["kind"] == "eat":
            resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
            all_of_it = [bytearray(1 << 24) for _ in range(1_000_000)]
        if state["kind"] == "priority":
            self.kind = open("/proc/self/oom_score_adj").read().strip()
            return
        if state["kind"].startswith("hang"):
            time.sleep(60)
        if state["kind"] == "exit":
            os._exit(0)
        if state["kind"] == "crash":
            os.kill(os.getpid(), 11)
        if state["kind"] == "raise":
            raise ValueError("no file /home/me/x for <object at 0x7f00beef>")
        if state["kind"] == "close":
            os.closerange(3, 100); time.sleep(60)
        raise SystemExit(3)

kinds = sys.argv[3].split()
values = {"first": 1, **{kind: Trap(kind) for kind in kinds}, "last": [1, 2]}
values.update({"whole": "x" * 5_000} if "whole" in values else {})
store = Store({name: pickle.dumps(value) for name, value in values.items()})
known = {Stored("known", "known", store).key: {"digest": "as it was"}}
values["known"] = "never loaded, and in no store"
request = {"flow_file": sys.argv[2], "value_limit": 1000, "known": known}
request.update(values="/nowhere", have=[], seconds=int(sys.argv[4]))
pickles = [Stored(name, name, store, 1_000 * (name == "whole")) for name in values]
try:
    print(json.dumps(load_all(pickles, request)))
except CannotReadError as error:
    print(json.dumps({"stopped": str(error)}))
"""


def load(folder: Path, *kinds: str, seconds: int = 1) -> dict[str, Any]:
    """What is known of a trap of each kind, of what lies before and behind them."""
    flow = "class Trap:\n" + WORKER.partition("class Trap:\n")[2].partition("\nkinds")[0]
    (folder / "metaflow.py").write_text("class FlowSpec: pass\n", encoding="utf-8")
    (folder / "flow.py").write_text("import os, resource, time\n" + flow, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-B",
            "-c",
            WORKER,
            str(IN_VENV),
            str(folder / "flow.py"),
            " ".join(kinds),
            str(seconds),
        ],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    values: dict[str, Any] = json.loads(done.stdout)
    return values


TRAPS = [
    ("hang", "cannot be loaded: it took more than 4 s"),
    ("eat", "cannot be loaded: there is not enough memory"),
    ("exit", "cannot be loaded: its process ended with exit code 0"),
    ("crash", "cannot be loaded: its process ended with SIGSEGV"),
    ("raise", "cannot be unpickled: ValueError: no file ... for <object at 0x...>"),
    ("close", "cannot be loaded: it never ended"),
    ("system-exit", "cannot be unpickled: SystemExit: 3"),
    ("refuse", "cannot be walked: RuntimeError: not a second time"),
    ("wander", "cannot be loaded: it took more than 4 s"),
]


@pytest.fixture(scope="module")
def loaded_traps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    # On a busy machine, the others take more than a second, too.
    folder = tmp_path_factory.mktemp("worker")
    return load(folder, "priority", *(kind for kind, _ in TRAPS), seconds=4)


@pytest.mark.parametrize(("name", "reason"), TRAPS)
def test_an_artifact_that_cannot_be_loaded_or_walked_is_known_by_its_bytes(
    name: str, reason: str, loaded_traps: dict[str, Any]
) -> None:
    shown = loaded_traps[name]["digest"][len("sha256:") :][:16]
    assert loaded_traps[name]["value"] == {
        "$opaque": reason,
        "type": "__main__.Trap",
        "digest": shown,
    }
    assert loaded_traps[name]["opaque"] is True
    assert loaded_traps[name].get("unread", False) is reason.startswith("cannot be loaded")
    assert loaded_traps[name]["type"] == "__main__.Trap"


def test_it_takes_no_other_artifact_with_it(loaded_traps: dict[str, Any]) -> None:
    assert (loaded_traps["first"]["value"], loaded_traps["last"]["value"]) == (1, [1, 2])


def test_what_is_known_by_its_sha_is_not_loaded(loaded_traps: dict[str, Any]) -> None:
    assert loaded_traps["known"] == {"digest": "as it was"}


def test_what_the_flows_own_code_defines_is_never_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWREPRO_COPY", str(tmp_path))
    (tmp_path / "shapes_of_this_flow.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    import_module("shapes_of_this_flow")
    names = ["__main__", "shapes_of_this_flow", "json", "builtins", "not.loaded"]
    assert [loading.is_own(name) for name in names] == [True, True, False, False, False]


def test_two_that_cannot_be_loaded_are_not_equal(loaded_traps: dict[str, Any]) -> None:
    assert len({loaded_traps[name]["digest"] for name, _ in TRAPS}) == len(TRAPS)


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux has it")
def test_what_takes_all_memory_is_ended_before_those_who_wait_for_it(
    loaded_traps: dict[str, Any],
) -> None:
    fields = loaded_traps["priority"]["value"]["$object"]["fields"]
    assert fields == {"kind": "1000"}


# Traps -> why reading ends: an artifact that is merely not known would be taken for another one.
STOPPED = [
    (
        ("hang", "hang-2", "hang-3", "hang-4", "hang-5"),
        "loading these artifacts takes more than 1 s each: hang, hang-2, hang-3, hang-4, hang-5",
    ),
    (("whole",), "the full value of whole cannot be kept: No such file or directory"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kinds", "words"), STOPPED)
def test_an_error_that_is_not_the_fault_of_an_artifact_ends_the_capture(
    kinds: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    assert words in load(tmp_path, *kinds)["stopped"]


@pytest.mark.parametrize("cards", [False, True])
def test_pages_of_cards_are_returned_on_request(run: Run, tmp_path: Path, cards: bool) -> None:
    page = tmp_path / "datastore" / "1.html"
    page.parent.mkdir()
    page.write_text("a card", encoding="utf-8")
    tasks = [task("start", cards=[{**CARD, "file": str(page)}])]

    (card,) = capture_with(f"answer({result(tasks=tasks)!r})", run, tmp_path, cards=cards).cards

    assert card.page == (str(page) if cards else None)
