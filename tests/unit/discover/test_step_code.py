"""The code of each step: what is part of it, and what is not."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pytest_flowrepro.discover.step_code import step_digests

FLOW = """\
import math
import helpers
from model import fit
from metaflow import FlowSpec, Parameter, retry, step

SCALE = 2


def scaled(rows):
    return [row * SCALE for row in rows]


class TrainFlow(FlowSpec):
    \"\"\"Train.\"\"\"

    alpha = Parameter("alpha", default=0.1)
    rounds = 3

    @step
    def start(self):
        self.rows = helpers.read()
        self.next(self.train)

    @retry(times=1)
    @step
    def train(self):
        # A comment.
        self.score = fit(scaled(self.rows), self.alpha)
        self.rounded = self.shorten(self.score)
        self.next(self.end)

    @step
    def end(self):
        print(self.score)

    def shorten(self, score):
        return math.floor(score)


if __name__ == "__main__":
    TrainFlow()
"""
MODEL = """\
from numbers_ import one

EPOCHS = 5


def fit(rows, alpha):
    return sum(rows) * alpha + EPOCHS + one()


def unused():
    return 0
"""
HELPERS = "def read():\n    return [1, 2]\n\n\ndef write():\n    pass\n"
NUMBERS = "def one():\n    return 1\n"
FILES = {"flow.py": FLOW, "model.py": MODEL, "helpers.py": HELPERS, "numbers_.py": NUMBERS}
STEPS = ("start", "train", "end")


def digests(files: dict[str, str], *, flow: str = "TrainFlow", **loaded: str) -> dict[str, str]:
    return step_digests(
        {path: text.encode() for path, text in files.items()},
        file="flow.py",
        flow=flow,
        steps=STEPS,
        loaded={name: {*files, *loaded.get(name, "").split()} for name in STEPS},
    )


def changed(path: str, old: str, new: str) -> set[str]:
    """Return the steps whose code an edit changes."""
    assert old in FILES[path]
    before, now = digests(FILES), digests({**FILES, path: FILES[path].replace(old, new)})
    assert before.keys() == now.keys() == {*STEPS}
    return {name for name in STEPS if before[name] != now[name]}


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("flow.py", "# A comment.", "# Another one."),
        ("flow.py", '"""Train."""', '"""Fit."""'),
        ("flow.py", "self.rows = helpers.read()", "self.rows = (\n    helpers . read()  )"),
        ("flow.py", "default=0.1", "default=0.2"),
        ("flow.py", "rounds = 3", "rounds = 4"),
        ("flow.py", "self.next(self.train)", "self.next(self.train, self.end)"),
        ("flow.py", "    TrainFlow()", "    print(1)\n    TrainFlow()"),
        ("flow.py", "import math\nimport helpers\n", "import helpers\nimport math\n"),
        ("model.py", "return 0", "return 1"),
        ("helpers.py", "pass", "return 3"),
    ],
)
def test_what_a_step_does_not_run_is_no_part_of_its_code(path: str, old: str, new: str) -> None:
    assert changed(path, old, new) == set()


def test_decorators_of_packages_are_no_code() -> None:
    """Their packages are compared as an environment."""
    for old, new in (
        ("    @retry", '    @metaflow.pypi(packages={"numpy": VERSION})\n    @retry'),
        ("class TrainFlow", "@conda_base(python=VERSION)\nclass TrainFlow"),
    ):
        assert changed("flow.py", old, new) == set()
    assert changed("flow.py", "class TrainFlow", "@project\nclass TrainFlow") == {*STEPS}


@pytest.mark.parametrize(
    ("path", "old", "new", "step"),
    [
        ("flow.py", "print(self.score)", "print(self.rows)", "end"),
        ("flow.py", "times=1", "times=2", "train"),
        ("flow.py", "SCALE = 2", "SCALE = 3", "train"),
        ("flow.py", "row * SCALE", "row + SCALE", "train"),
        ("flow.py", "math.floor", "math.ceil", "train"),
        ("flow.py", "import math", "import cmath as math", "train"),
        ("model.py", "EPOCHS = 5", "EPOCHS = 6", "train"),
        ("model.py", "sum(rows)", "max(rows)", "train"),
        ("numbers_.py", "return 1", "return 2", "train"),
        ("helpers.py", "[1, 2]", "[1, 3]", "start"),
    ],
)
def test_whatever_a_step_refers_to_is_its_code(path: str, old: str, new: str, step: str) -> None:
    assert changed(path, old, new) == {step}


def test_the_digest_is_the_same_under_every_python() -> None:
    """A baseline is checked on other machines: one that differs there would name a wrong cause."""
    assert digests(FILES)["train"] == (
        "sha256:201177c9ffdb79b18f67c48eea89e73995535c2b9c0971fd31557dd33a38a06b"
    )


def test_what_an_import_executes_is_the_code_of_every_step() -> None:
    executed = FLOW.replace("SCALE = 2", "math.factorial(3)\nSCALE = 2")
    assert digests({**FILES, "flow.py": executed}).items().isdisjoint(digests(FILES).items())
    in_a_module = {**FILES, "helpers.py": f"print(1)\n{HELPERS}"}
    assert digests(in_a_module)["start"] != digests(FILES)["start"]


def test_only_the_flows_own_next_is_the_graph() -> None:
    def reading(call: str) -> dict[str, str]:
        return digests({**FILES, "flow.py": FLOW.replace("print(self.score)", call)})

    assert reading("self.cursor.next()")["end"] != reading("pass")["end"]
    assert reading("cursor.next(1)")["end"] != reading("cursor.next(2)")["end"]


def test_a_definition_may_move_to_another_module() -> None:
    moved = {
        **FILES,
        "model.py": MODEL.replace("from numbers_ import one", "from ones import one"),
        "ones.py": NUMBERS,
    }
    del moved["numbers_.py"]
    assert digests(moved) == digests(FILES)


BASE = """\
from metaflow import FlowSpec, step


class Base(FlowSpec):
    @step
    def start(self):
        self.rows = self.read()
        self.next(self.end)

    def read(self):
        return 1
"""
CHILD = """\
from lib.base import Base
from metaflow import step


class ChildFlow(Base):
    @step
    def end(self):
        pass
"""


def test_a_step_may_be_that_of_a_base_class_in_another_module() -> None:
    files = {"flow.py": CHILD, "lib/__init__.py": "", "lib/base.py": BASE}
    before = digests(files, flow="ChildFlow")
    assert before.keys() == {"start", "end"}
    files["lib/base.py"] = BASE.replace("return 1", "return 2")
    now = digests(files, flow="ChildFlow")
    assert (before["start"] != now["start"], before["end"] == now["end"]) == (True, True)


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("import lib.tools", "lib.tools.two()"),
        ("import lib.tools as tools", "tools.two()"),
        ("from lib import tools", "tools.two()"),
        ("from lib.tools import two", "two()"),
        ("from lib.tools import *", "two()"),
        ("from lib.tools import two as three", "three()"),
        ("try:\n    from lib.tools import two\nexcept ImportError:\n    two = None", "two()"),
    ],
)
def test_every_import_statement_is_followed(statement: str, use: str) -> None:
    flow = FLOW.replace("import math\n", f"import math\n{statement}\n")
    flow = flow.replace("print(self.score)", use)
    files = {**FILES, "flow.py": flow, "lib/__init__.py": "", "lib/tools.py": "def two(): return 2"}
    before = digests(files)
    now = digests({**files, "lib/tools.py": "def two(): return 3"})
    assert {name for name in STEPS if before[name] != now[name]} == {"end"}


def test_an_import_in_a_step_is_followed_and_a_relative_one_too() -> None:
    flow = FLOW.replace("print(self.score)", "from lib.tools import two; two()")
    tools = "from .ones import one\n\ndef two():\n    return one() + 1\n"
    files = {**FILES, "flow.py": flow, "lib/__init__.py": "", "lib/tools.py": tools}
    before = digests({**files, "lib/ones.py": "def one(): return 1"})
    now = digests({**files, "lib/ones.py": "def one(): return 2"})
    assert {name for name in STEPS if before[name] != now[name]} == {"end"}


def test_a_module_in_another_folder_of_the_path_is_found_by_its_end() -> None:
    flow = FLOW.replace("print(self.score)", "from jam.pots import fill; fill()")
    files = {**FILES, "flow.py": flow, "src/jam/__init__.py": ""}
    before = digests({**files, "src/jam/pots.py": "def fill(): return 1"})
    now = digests({**files, "src/jam/pots.py": "def fill(): return 2"})
    assert {name for name in STEPS if before[name] != now[name]} == {"end"}


def test_the_module_next_to_the_flow_is_meant_first() -> None:
    files = {f"flows/{path}": text for path, text in FILES.items()}

    def of(other: str) -> dict[str, str]:
        sources = {**files, "a/model.py": other, "model.py": other}
        return step_digests(
            {path: text.encode() for path, text in sources.items()},
            file="flows/flow.py",
            flow="TrainFlow",
            steps=STEPS,
            loaded=dict.fromkeys(STEPS, files),
        )

    assert of("def fit(): return 1") == of("def fit(): return 2")


def test_a_module_that_no_statement_imports_belongs_to_the_steps_that_loaded_it() -> None:
    def loaded(text: str) -> dict[str, str]:
        return step_digests(
            {**{path: source.encode() for path, source in FILES.items()}, "plug.py": text.encode()},
            file="flow.py",
            flow="TrainFlow",
            steps=STEPS,
            loaded={"start": FILES, "train": [*FILES, "plug.py"], "end": FILES},
        )

    before, now = loaded("x = 1"), loaded("x = 2")
    assert {name for name in STEPS if before[name] != now[name]} == {"train"}


def test_a_step_that_is_not_in_the_source_has_no_digest() -> None:
    flow = {"flow.py": CHILD}
    assert digests(flow, flow="ChildFlow").keys() == {"end"}
    assert digests({**FILES, "model.py": "def fit(:\n"}) == {}


def test_names_that_go_in_circles_come_to_an_end() -> None:
    circle = dedent("""\
        from flow import TrainFlow, scaled

        def fit(rows, alpha):
            return scaled(rows) or fit(rows, alpha)
    """)
    assert digests({**FILES, "model.py": circle}).keys() == {*STEPS}
