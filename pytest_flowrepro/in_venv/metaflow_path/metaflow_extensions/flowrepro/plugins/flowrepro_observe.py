"""The step decorator of a rerun, attached to every step (`run --with flowrepro_observe`).

It starts each task with the interpreter of its step, notes how the task ended, and gives it an
empty standard input.

For each task attempt one JSON file, `<step>-<task id>-<attempt>.json`, is written into the folder
that FLOWREPRO_OBSERVED names:

    {"step": "train", "task_id": "3", "attempt": 0, "ok": true, "join": false,
     "inputs": [["start", "1"]],       the tasks that this one takes its artifacts from
     "set": ["model", "score"],        attributes of `self` when the step had ended
     "cards": [{"type": "default", "id": null, "uuid": "..."}],        one for each @card
     "written": ["/.../code/plot.png"],    below its working directory, FLOWREPRO_COPY or
                                           FLOWREPRO_PROJECT, the user's own tree
     "modules": ["pandas"],            what was loaded at the end: installed modules, and
     "sources": ["flows/train.py"],    files below FLOWREPRO_COPY, relative to it
     "drawn": ["random 0f3a..."]}      global random generators that it took numbers from

`started.jsonl` has a line for each task that was started, {"step": "train", "task_id": "3"}, by the
process that schedules it and by the task itself (one node of @parallel starts the others), so that
a task is there more than once. The datastore is compared with it (run_records.py).

Before the first task, `graph.json` has what Metaflow makes of the flow's steps in this very run, as
flowrepro_describe.py writes them: {"steps": [...]}.

Metaflow stores none of the last seven: an artifact that a join merged and one that it assigned
look the same in the datastore, and so do a card that did not render and no card.
"""

import json
import os
import sys

import metaflow_extensions.flowrepro.plugins.flowrepro_cards  # noqa: F401  for what it changes
from metaflow.decorators import StepDecorator
from metaflow_extensions.flowrepro.plugins.flowrepro_drawn import Drawn
from metaflow_extensions.flowrepro.plugins.flowrepro_imports import loaded
from metaflow_extensions.flowrepro.plugins.flowrepro_written import Written

PYTHONS = json.loads(os.environ.get("FLOWREPRO_PYTHONS", "{}"))
"""Step -> interpreter, for the steps that have an environment of their own."""

_PINS = json.loads(os.environ.get("FLOWREPRO_PINS", "{}"))
"""Step -> variables that have another value there than in the flow's own environment."""

_OBSERVED = os.environ.get("FLOWREPRO_OBSERVED", "")
"""Read before any code of the flow runs, which may clear the environment."""

_LOCAL = json.loads(os.environ.get("FLOWREPRO_LOCAL", "[]"))
"""Entries of Python's path that belong to the flow's own environment only."""

_CLIENT = os.path.join(os.path.dirname(__file__), *[os.pardir] * 4, "warm_client.py")


class ObserveDecorator(StepDecorator):
    name = "flowrepro_observe"

    def step_init(self, flow, graph, step_name, decorators, environment, flow_datastore, logger):
        self._step = step_name
        self._card_decorators = [deco for deco in decorators if deco.name == "card"]
        self._task_id = None

    def runtime_init(self, flow, graph, package, run_id):
        # Here, because it imports modules that Metaflow loads only after its decorators.
        from metaflow_extensions.flowrepro.plugins.flowrepro_describe import (  # noqa: PLC0415
            described_steps,
        )

        path = os.path.join(_OBSERVED, "graph.json")
        if not os.path.exists(path):  # the decorator of another step has written it
            with open(path, "w") as file:
                json.dump({"steps": described_steps(graph)}, file)

    def runtime_task_created(
        self, task_datastore, task_id, split_index, input_paths, is_cloned, ubf_context
    ):
        # The argument `task_id` is the one that the caller wants, if any.
        _note_started(self._step, task_datastore.task_id)

    def runtime_step_cli(self, cli_args, retry_count, max_user_code_retries, ubf_context):
        cli_args.env.update(_PINS.get(self._step, {}))
        python = PYTHONS.get(self._step)
        if python:
            cli_args.entrypoint[0] = python
            cli_args.env.update(variables_of(python))
        if hasattr(sys, "_flowrepro_warm"):  # this process was forked, and so are its tasks
            address = sys._flowrepro_warm.addresses[python]  # noqa: SLF001
            cli_args.entrypoint[:0] = [sys.executable, "-I", "-S", _CLIENT, address]

    def task_pre_step(
        self,
        step_name,
        task_datastore,
        metadata,
        run_id,
        task_id,
        flow,
        graph,
        retry_count,
        max_user_code_retries,
        ubf_context,
        inputs,
    ):
        self._task_id = task_id
        _note_started(step_name, task_id)
        self._inputs = [[source.step_name, source.task_id] for source in inputs]
        self._set = []
        self._generators = []
        self._written = Written({os.getcwd(), *_copy(), *_folder("FLOWREPRO_PROJECT")})
        self._written.watch()
        self._drawn = Drawn()
        # Metaflow gives a task a pipe without a writer (metaflow/runtime.py): a task that reads its
        # standard input would wait for ever, which looks like work.
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def task_post_step(self, step_name, flow, graph, retry_count, max_user_code_retries):
        self._note_set(flow)

    def task_exception(self, exception, step_name, flow, graph, retry_count, max_user_code_retries):
        self._note_set(flow)

    def _note_set(self, flow):
        if self._task_id is None:
            return  # another decorator failed before the step began
        # Now, because persisting takes the attributes off `self` (metaflow/datastore).
        self._set = sorted(name for name in vars(flow) if not name.startswith("_"))
        self._generators = self._drawn.generators()

    def task_finished(self, step_name, flow, graph, is_task_ok, retry_count, max_user_code_retries):
        if self._task_id is None:
            return  # another decorator failed before the step began: its error is to be seen
        modules, sources = loaded(_copy())
        observed = {
            "step": step_name,
            "task_id": self._task_id,
            "attempt": retry_count,
            "ok": bool(is_task_ok),
            "join": graph[step_name].type == "join",
            "inputs": self._inputs,
            "set": self._set,
            "cards": [_card(card) for card in self._card_decorators],
            "written": self._written.paths(),
            "modules": modules,
            "sources": sources,
            "drawn": self._generators,
        }
        name = "%s-%s-%d.json" % (step_name, self._task_id, retry_count)
        with open(os.path.join(_OBSERVED, name), "w") as file:
            json.dump(observed, file)


def variables_of(python):
    """Return the variables that differ for a step that has an environment of its own."""
    folder = os.path.dirname(python)
    environment = os.path.dirname(folder)
    path = os.environ["PYTHONPATH"].split(os.pathsep)
    return {
        "PATH": os.pathsep.join((folder, os.environ["PATH"])),
        "VIRTUAL_ENV": environment,
        "PYTHONPATH": os.pathsep.join(entry for entry in path if entry not in _LOCAL),
        # The bytecode that was compiled for this environment (environment/bytecode.py).
        "PYTHONPYCACHEPREFIX": os.path.join(environment, "pycache"),
    }


def _note_started(step, task_id):
    line = json.dumps({"step": step, "task_id": str(task_id)}) + "\n"
    # One write to the end of the file: tasks do so at the same time.
    file = os.open(os.path.join(_OBSERVED, "started.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def _copy():
    """Return the root of the code copy, by the names that the flow may know it by."""
    return _folder("FLOWREPRO_COPY")


def _folder(variable):
    path = os.environ.get(variable)
    return (path, os.path.realpath(path)) if path else ()


def _card(decorator):
    """Return what a card's file is named after (metaflow/plugins/cards/card_datastore.py)."""
    return {
        "type": decorator.attributes["type"],
        "id": decorator.attributes["id"],
        "uuid": decorator._card_uuid,  # noqa: SLF001  set by its `task_pre_step`
    }
