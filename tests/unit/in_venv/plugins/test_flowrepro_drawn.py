"""What a task drew from global random generators, seen by an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pytest_flowrepro.support.in_venv import IN_VENV

PLUGINS = IN_VENV / "metaflow_path/metaflow_extensions/flowrepro/plugins"

# What a task does -> the generators that it drew from, and whether another run leaves them so.
TASKS = [
    ("pass", [], True),
    ("import random", [], True),
    ("import random; random.random()", ["random"], False),
    ("import random; random.seed(7); random.random()", ["random"], True),
    ("import random; random.Random().random()", [], True),
    ("import numpy as np; np.zeros(3)", [], True),
    ("import numpy as np; np.random.rand()", ["numpy.random"], False),
    ("import numpy as np; np.random.randint(2)", ["numpy.random"], False),
    ("import numpy as np; np.random.seed(7); np.random.rand()", ["numpy.random"], True),
    ("import numpy as np; np.random.default_rng().random()", [], True),
    ("import random; random.getstate = None", [], True),
]


def output(script: str) -> bytes:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout


@pytest.mark.parametrize(("task", "names", "repeats"), TASKS)
def test_a_generator_that_was_drawn_from_is_named_with_its_state(
    task: str, names: list[str], repeats: bool
) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(PLUGINS)!r})\n"
        f"import json, flowrepro_drawn\ndrawn = flowrepro_drawn.Drawn()\n{task}\n"
        "print(json.dumps(drawn.generators()))"
    )
    first, second = (
        json.loads(
            subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
        )
        for _ in range(2)
    )
    assert [name.partition(" ")[0] for name in first] == names
    assert (first == second) == repeats
