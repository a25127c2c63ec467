"""Read the artifacts and logs of one run back from Metaflow's datastore, as JSON.

    python capture.py REQUEST.json RESULT.json [RUN_ID]

Run by path with the flow's own interpreter: artifacts are unpickled here and nowhere else.
Standard library and Metaflow only, Python 3.8 syntax.

REQUEST: {"flow": str, "run_id": str, or null where RUN_ID is the file that has it,
    "datastore": the folder that METAFLOW_DATASTORE_SYSROOT_LOCAL named,
    "observed": folder of `<step>-<task id>-<attempt>.json`, one for each task attempt:
        {"inputs": [[step, task id], ...], "set": [attribute, ...], "join": bool,
         "cards": [{"type": str, "id": str or null, "uuid": str}, ...],
         "written": [path, ...], "modules": [name, ...], "sources": [path, ...],
         "drawn": [generator, ...], ...},
    "flow_file": str, "value_limit": characters for each value, "value_room": for all of them,
    "log_limit": characters for each log, "seconds": to load one artifact,
    "encoders": the project's file of encoders (_flowrepro/encoders.py) or null,
    "values": folder for files of full values, "full": bytes that such a file may hold,
    "limit": bytes up to which any value is written there, "whole": globs over step.artifact: those
    that are written whatever the limit, "have": digests of those that need not be,
    "known": {"sha" of an ARTIFACT: that ARTIFACT without its name}: these are not loaded,
    "steps": those to read, null for all, "but": steps that another interpreter reads}

RESULT: a line of JSON for each thing:
    {"parameters": [ARTIFACT, ...]}, once;
    {"task": {"step": str, "index": [int, ...], "artifacts": [ARTIFACT, ...],
              "cards": [{"type": str, "id": str or null, "state": "rendered", "failed" or
                         "missing", "file": path or null}, ...]}};
    {"log": {"step": str, "index": [int, ...], "ok": bool, "attempts": int,
             "written": [path, ...], "modules": [name, ...], "sources": [path, ...],
             "drawn": [generator, ...], "signal": null or the name of the one that ended it,
             "stdout": str, "stderr": str}};
    {"encoders": {class name: whether an object of it was met, ...}}, once;
    or, where that file cannot be used, {"broken": {"line": int or null, "reason": str}} alone;
    or, where reading was stopped, {"stopped": str} alone
ARTIFACT: {"name": str, "type": str, "digest": "sha256:...", "value": JSON, "opaque": bool,
    "unread": whether another machine may load it (only of opaque ones, and only if true),
    "structure": digits of the parts that "value" does not show (canonical/structure.py; not of
    plain values),
    "sha": if it is equal in an equal environment, the value is equal (only of large ones),
    "stored": whether `<16 digits of the digest>.npz` was written (only if requested),
    "picture": whether `<16 digits of the digest>.png` was written (not of digests in "have")}

Tasks that failed only have a `log`: their artifacts are not results.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import signal
import sys
from collections import Counter
from typing import Any, Iterable, Iterator, NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))

from _flowrepro import encoders  # noqa: E402  found next to this file
from _flowrepro.cards import card_artifacts, observed_cards  # noqa: E402  found next to this file
from _flowrepro.load import CannotReadError, Stored, load_all  # noqa: E402  found next to this file
from _flowrepro.normalize import normalise_for  # noqa: E402  found next to this file
from _flowrepro.serializers import identity, info_of  # noqa: E402  found next to this file

LEAST = 125
"""Characters for a value, however many values there are."""


class TaskState(NamedTuple):
    """The last attempt of one task, as the datastore has it."""

    step: str
    task_id: str
    attempt: int
    path: tuple[int, ...]
    """The foreach index path; in a step that loops to itself, the pass comes last."""
    loops: bool
    ok: bool
    artifacts: dict[str, str]
    """Attribute name -> the identity of its value, see _flowrepro/serializers.py."""
    store: Any
    observed: dict[str, Any] | None


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    request["have"] = frozenset(request["have"])
    if request["run_id"] is None:
        with open(sys.argv[3], encoding="utf-8") as file:
            request["run_id"] = file.read().strip()
    # Before Metaflow or the flow is imported: their `capture` is not this one.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = request["datastore"]
    tasks = read_tasks(request)
    by_id = {(task.step, task.task_id): task for task in tasks}
    tasks_here = [task for task in tasks if is_read_here(task.step, request)]
    if request["encoders"] is not None:
        folder = os.path.dirname(request["flow_file"])
        sys.path.insert(0, folder)  # the flow's modules are found there
        try:
            encoders.load(request["encoders"])
        except encoders.BrokenEncodersError as error:
            write([{"broken": {"line": error.line, "reason": error.reason}}])
            return
        finally:
            sys.path.remove(folder)
    normalise_for(request["datastore"])
    pickles_here = pickles(tasks_here, parents_of(tasks_here, by_id), request)
    request["value_limit"] = room_for_each(len(pickles_here), request)
    try:
        values = load_all(pickles_here, request)
    except CannotReadError as error:
        write([{"stopped": str(error)}])
        return
    write(result(tasks_here, by_id, values, request))


def write(lines: Iterable[dict[str, Any]]) -> None:
    try:
        with open(sys.argv[2] + ".part", "w", encoding="ascii") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        os.replace(sys.argv[2] + ".part", sys.argv[2])
    except OSError as error:  # a full disk, above all
        sys.exit("the artifacts cannot be written to the result file: %s" % error)


def pickles(
    tasks_here: list[TaskState], parents: list[TaskState], request: dict[str, Any]
) -> list[Stored]:
    """Return each value once, with the largest limit that any of its artifacts has for a file."""
    by_sha: dict[str, Stored] = {}
    limits: dict[str, int] = {}
    for task in tasks_here:
        for name, sha in user_artifacts(task).items():
            label = "%s.%s" % (task.step, name)
            if label not in limits:
                is_whole = any(fnmatch.fnmatchcase(label, glob) for glob in request["whole"])
                limits[label] = request["full"] if is_whole else request["limit"]
            before = by_sha.setdefault(sha, Stored(sha, name, task.store))
            by_sha[sha] = before._replace(whole=max(before.whole, limits[label]))
    for task in parents:
        for name, sha in user_artifacts(task).items():
            by_sha.setdefault(sha, Stored(sha, name, task.store))
    return list(by_sha.values())


def room_for_each(count: int, request: dict[str, Any]) -> int:
    """Return the characters for each value: halved until all values fit, or to `LEAST`.

    In halves, so that one artifact more or less leaves the others as they are.
    """
    limit = int(request["value_limit"])
    while limit * count > request["value_room"] and limit > LEAST:
        limit //= 2
    return limit


def result(
    tasks_here: list[TaskState],
    by_id: dict[tuple[str, str], TaskState],
    values: dict[str, Any],
    request: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    yield {"parameters": parameters(tasks_here, values, request["flow"])}
    for task in tasks_here:
        if task.ok and task.step != "_parameters":
            left = cards(task, request)
            artifacts = own_artifacts(task, by_id, values, request["flow"]) + card_artifacts(left)
            about = {"step": task.step, "index": task.path, "cards": left}
            yield {"task": {**about, "artifacts": artifacts}}
    for task in tasks_here:
        if task.step != "_parameters":
            yield {"log": log(task, request)}
    yield {"encoders": encoders.used()}


def is_read_here(step: str, request: dict[str, Any]) -> bool:
    steps = request["steps"]
    return step not in request["but"] if steps is None else step in steps


def parents_of(tasks: list[TaskState], by_id: dict[tuple[str, str], TaskState]) -> list[TaskState]:
    """Return the tasks that these inherit artifacts from.

    Their values show which artifacts were only inherited.
    """
    inputs = {tuple(key) for task in tasks if task.observed for key in task.observed["inputs"]}
    return [by_id[key] for key in sorted(inputs) if key in by_id]


def read_tasks(request: dict[str, Any]) -> list[TaskState]:
    """Return every task that left anything, the pseudo task `_parameters` included."""
    from metaflow.datastore.flow_datastore import FlowDataStore  # noqa: PLC0415  see `main`
    from metaflow.metaflow_config import DATASTORE_LOCAL_DIR  # noqa: PLC0415
    from metaflow.plugins.datastores.local_storage import LocalStorage  # noqa: PLC0415

    root = os.path.join(request["datastore"], DATASTORE_LOCAL_DIR)
    stores = FlowDataStore(request["flow"], None, storage_impl=LocalStorage, ds_root=root)
    tasks = []
    run = os.path.join(root, request["flow"], request["run_id"])
    for step in sorted(folders(run)):
        for task_id in sorted(folders(os.path.join(run, step)), key=lambda name: (len(name), name)):
            names = os.listdir(os.path.join(run, step, task_id))
            attempts = [int(match.group(1)) for match in map(ATTEMPT.match, names) if match]
            if attempts:
                tasks.append(read_task(stores, request, step, task_id, max(attempts)))
    return with_passes(tasks)


ATTEMPT = re.compile(r"(\d+)\.")


def folders(path: str) -> list[str]:
    if not os.path.isdir(path):
        return []
    return [entry.name for entry in os.scandir(path) if entry.is_dir() and entry.name != "_meta"]


def read_task(
    stores: Any, request: dict[str, Any], step: str, task_id: str, attempt: int
) -> TaskState:
    store = stores.get_task_datastore(
        request["run_id"], step, task_id, attempt=attempt, allow_not_done=True
    )
    # Metaflow leaves `_objects` unset for a task that died before it stored anything.
    shas = vars(store).get("_objects") or {}
    artifacts = {name: identity(sha, info_of(store, name)) for name, sha in shas.items()}
    ended = bool(artifacts) and store.has_metadata(store.METADATA_DONE_SUFFIX)
    return TaskState(
        step=step,
        task_id=task_id,
        attempt=attempt,
        path=task_index(store) if artifacts else (),
        loops=bool(artifacts) and bool(store.get("_iteration_stack")),
        ok=ended and bool(store.get("_task_ok")),
        artifacts=artifacts,
        store=store,
        observed=read_observed(request["observed"], step, task_id, attempt),
    )


def task_index(store: Any) -> tuple[int, ...]:
    """Return the foreach index path (metaflow/task.py `_init_foreach`).

    It has the tasks of @parallel by their node. The control task is node 0, where older
    Metaflows, such as 2.12, give it no index (metaflow/plugins/parallel_decorator.py).
    """
    return tuple(frame.index or 0 for frame in store.get("_foreach_stack") or [])


def with_passes(tasks: list[TaskState]) -> list[TaskState]:
    """Return the tasks in order; passes of a step that loops to itself are counted from 0.

    Metaflow's own count cannot be used: a loop that follows another continues the other's count
    (metaflow/task.py `_init_iteration`), so its keys would depend on the passes of the first. Ids
    ascend, and a pass begins when the one before it has ended.
    """
    passes: Counter[tuple[str, tuple[int, ...]]] = Counter()
    counted = []
    for task in tasks:
        if task.loops:
            key = (task.step, task.path)
            counted.append(task._replace(path=(*task.path, passes[key])))
            passes[key] += 1
        else:
            counted.append(task)
    return counted


def read_observed(folder: str, step: str, task_id: str, attempt: int) -> dict[str, Any] | None:
    path = os.path.join(folder, "%s-%s-%d.json" % (step, task_id, attempt))
    try:
        with open(path, encoding="utf-8") as file:
            observed = json.load(file)
    except (OSError, ValueError):  # the task was killed before, or while, this was written
        return None
    return observed if isinstance(observed, dict) else None


def user_artifacts(task: TaskState) -> dict[str, str]:
    return {name: sha for name, sha in task.artifacts.items() if not name.startswith("_")}


def parameters(tasks: list[TaskState], values: dict[str, Any], flow: str) -> list[dict[str, Any]]:
    pseudo_tasks = [task for task in tasks if task.step == "_parameters"]
    return described(user_artifacts(pseudo_tasks[0]), values, flow) if pseudo_tasks else []


def own_artifacts(
    task: TaskState,
    by_id: dict[tuple[str, str], TaskState],
    values: dict[str, Any],
    flow: str,
) -> list[dict[str, Any]]:
    """Return the artifacts that the task set or changed, not those that it only inherited.

    A join inherits the artifacts that `merge_artifacts` merged. Those that its own code assigned
    are its own, even if the value is that of a branch.
    """
    artifacts = user_artifacts(task)
    if task.observed is None:
        return described(artifacts, values, flow)
    inputs = [by_id.get((step, task_id)) for step, task_id in task.observed["inputs"]]
    parents = [parent for parent in inputs if parent is not None]
    assigned = set(task.observed["set"]) if task.observed["join"] else set()

    def is_own(name: str, sha: str) -> bool:
        inherited = [parent.artifacts[name] for parent in parents if name in parent.artifacts]
        inherited_digests = {values[parent]["digest"] for parent in inherited if parent in values}
        return name in assigned or values[sha]["digest"] not in inherited_digests

    shas = {name: sha for name, sha in artifacts.items() if is_own(name, sha)}
    return described(shas, values, flow)


def described(artifacts: dict[str, str], values: dict[str, Any], flow: str) -> list[dict[str, Any]]:
    """Return artifacts by name, without the `name` that Metaflow itself gives to each flow."""
    return [
        {"name": name, **values[sha]}
        for name, sha in sorted(artifacts.items())
        if not (name == "name" and values[sha]["value"] == flow)
    ]


def cards(task: TaskState, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the task's cards, with their states and files."""
    from metaflow.plugins.cards.card_datastore import CardDatastore  # noqa: PLC0415  see `main`

    if task.observed is None or not task.observed["cards"]:
        return []
    root = CardDatastore.get_storage_root("local")
    run = (request["flow"], "runs", request["run_id"], "steps", task.step, "tasks", task.task_id)
    return observed_cards(task.observed["cards"], os.path.join(root, *run, "cards"))


def noted(what: str, task: TaskState, request: dict[str, Any]) -> list[str]:
    """Return the notes of all attempts: those that failed have written and imported as well."""
    where = (request["observed"], task.step, task.task_id)
    attempts = (read_observed(*where, attempt) for attempt in range(task.attempt + 1))
    return sorted({path for observed in attempts if observed for path in observed[what]})


def log(task: TaskState, request: dict[str, Any]) -> dict[str, Any]:
    from metaflow.mflog import LOG_SOURCES  # noqa: PLC0415  see `main`
    from metaflow.mflog.mflog import merge_logs  # noqa: PLC0415

    streams = {}
    for stream in ("stdout", "stderr"):
        logs = task.store.load_logs(LOG_SOURCES, stream, attempt_override=task.attempt)
        lines = [line.msg for line in merge_logs([blob for _, blob in logs])]
        # A line that mflog did not decorate keeps its line feed.
        text = b"".join(line.rstrip(b"\n") + b"\n" for line in lines).decode("utf-8", "replace")
        streams[stream] = cut_in_the_middle(text, request["log_limit"])
    name = ending_signal(task)
    streams["stderr"] += ending(name)
    return {
        "step": task.step,
        "index": task.path,
        "ok": task.ok,
        "attempts": task.attempt + 1,
        **{what: noted(what, task, request) for what in ("written", "modules", "sources", "drawn")},
        "signal": name,
        **streams,
    }


def ending(signal_name: str | None) -> str:
    """Return the line that says which signal ended a task; nothing for None."""
    if signal_name is None:
        return ""
    hint = ", perhaps out of memory" if signal_name == "SIGKILL" else ""
    return "Task was ended by %s%s.\n" % (signal_name, hint)


def ending_signal(task: TaskState) -> str | None:
    """Return the name of the signal that ended a task: Metaflow stores its number."""
    if not task.store.has_metadata("runtime"):
        return None
    code = task.store.load_metadata(["runtime"])["runtime"]["return_code"]
    if code >= 0:
        return None
    try:
        return signal.Signals(-code).name
    except ValueError:
        return "signal %d" % -code


def cut_in_the_middle(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[len(text) - limit // 2 :]
    left_out = "\n[... %d characters left out ...]\n" % (len(text) - len(head) - len(tail))
    return head + left_out + tail


if __name__ == "__main__":
    main()
