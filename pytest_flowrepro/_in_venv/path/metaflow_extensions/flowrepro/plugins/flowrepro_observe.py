"""Attached to every step of a rerun (`run --with flowrepro_observe`): notes how each task ended,
and sees to it that a task that reads its standard input finds the end of it.

For each task attempt one JSON file, `<step>-<task id>-<attempt>.json`, is written into the folder
that FLOWREPRO_OBSERVED names:

    {"step": "train", "task_id": "3", "attempt": 0, "ok": true, "join": false,
     "inputs": [["start", "1"]],       the tasks that this one takes its artifacts from
     "set": ["model", "score"]}        what stood on `self` when the step had ended

Metaflow stores neither of the last two: an artifact that a join merged and one that it assigned
look the same in the datastore.
"""

import json
import os

from metaflow.decorators import StepDecorator


class ObserveDecorator(StepDecorator):
    name = "flowrepro_observe"

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
        self._inputs = [[source.step_name, source.task_id] for source in inputs]
        self._set = []
        # Metaflow gives a task a pipe that nobody writes to (metaflow/runtime.py): who reads its
        # standard input would wait for ever, and nobody could tell that from work.
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def task_post_step(self, step_name, flow, graph, retry_count, max_user_code_retries):
        self._note_set(flow)

    def task_exception(self, exception, step_name, flow, graph, retry_count, max_user_code_retries):
        self._note_set(flow)

    def _note_set(self, flow):
        # Now, because persisting takes the attributes off `self` (metaflow/datastore).
        self._set = sorted(name for name in vars(flow) if not name.startswith("_"))

    def task_finished(self, step_name, flow, graph, is_task_ok, retry_count, max_user_code_retries):
        observed = {
            "step": step_name,
            "task_id": self._task_id,
            "attempt": retry_count,
            "ok": bool(is_task_ok),
            "join": graph[step_name].type == "join",
            "inputs": self._inputs,
            "set": self._set,
        }
        name = "%s-%s-%d.json" % (step_name, self._task_id, retry_count)
        with open(os.path.join(os.environ["FLOWREPRO_OBSERVED"], name), "w") as file:
            json.dump(observed, file)
