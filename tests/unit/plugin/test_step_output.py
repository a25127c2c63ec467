from __future__ import annotations

from pathlib import Path

from pytest_flowrepro.plugin.step_output import own_traceback, tail

FOLDER = Path("/tmp/flowrepro-1/flows/TrainFlow-a8")
STDERR = """\
<flow TrainFlow step train> failed:
    Internal error
Traceback (most recent call last):
  File "/e/lib/python3.11/site-packages/metaflow/cli.py", line 739, in main
    start(auto_envvar_prefix="METAFLOW", obj=state)
    ^^^^^
  File "/e/lib/python3.11/site-packages/metaflow/task.py", line 113, in _exec_step_function
    step_function()
  File "/tmp/flowrepro-1/flows/TrainFlow-a8/check/code/flows/train.py", line 20, in train
    self.score = fit(self.rows)
  File "/e/lib/python3.11/site-packages/metaflow/util.py", line 3, in fit
    raise ValueError("no rows")
ValueError: no rows

Task failed."""


def test_a_traceback_begins_in_the_flow_with_the_paths_of_the_project() -> None:
    assert own_traceback(STDERR, FOLDER).splitlines() == [
        "<flow TrainFlow step train> failed:",
        "    Internal error",
        "Traceback (most recent call last):",
        "  [... 2 frames of Metaflow left out ...]",
        '  File "flows/train.py", line 20, in train',
        "    self.score = fit(self.rows)",
        '  File "/e/lib/python3.11/site-packages/metaflow/util.py", line 3, in fit',
        '    raise ValueError("no rows")',
        "ValueError: no rows",
        "",
        "Task failed.",
    ]


def test_each_traceback_of_a_chain_is_shortened() -> None:
    chain = f"{STDERR}\nThe above exception was the direct cause of it:\n{STDERR}"
    assert own_traceback(chain, FOLDER).count("[... 2 frames of Metaflow left out ...]") == 2


def test_a_traceback_of_metaflow_alone_stays_whole() -> None:
    lines = STDERR.splitlines()
    alone = "\n".join([*lines[:8], *lines[12:]])
    assert own_traceback(alone, FOLDER) == alone


def test_other_output_stays_as_it_is() -> None:
    text = '  File is missing\nFile "x", line 1\nTraceback (most recent call last):'
    assert own_traceback(text, FOLDER) == text
    assert own_traceback("", FOLDER) == ""


def test_only_the_end_of_a_long_output_is_shown() -> None:
    text = "\n".join(map(str, range(100)))
    lines = tail(text).splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("[... 40 lines left out ...]", "40", "99")
    assert tail("a\nb\n\n") == "a\nb"
