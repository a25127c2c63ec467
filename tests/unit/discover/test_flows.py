"""Flows are found in the text of a file; nothing in it is imported or run."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.discover.flows import (
    explain_no_flow,
    find_flows,
    may_start_flow,
    suspect_no_flow,
)
from pytest_flowrepro.discover.known import KnownFlows
from pytest_flowrepro.support.errors import DiscoverError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.model import FlowSource

    Found = tuple[FlowSource, ...]
    Project = Callable[..., Found]

FLOW = "from metaflow import FlowSpec\nclass TrainFlow(FlowSpec): pass\nTrainFlow()\n"
STAND_IN = "class FlowSpec: pass"
GUARD = 'if __name__ == "__main__":\n    TrainFlow()\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write a flow file and modules of its project, and find the flows of the file."""

    def find(text: str, modules: dict[str, str] | None = None, *, file: str = "flow.py") -> Found:
        for name, body in {file: text, **(modules or {})}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(dedent(body), encoding="utf-8")
        found = find_flows(tmp_path / file, root=tmp_path)
        known = KnownFlows(tmp_path)
        for _ in range(2):  # also from what it has read
            assert known.find(tmp_path / file) == found
        return found

    return find


def names(flows: Found) -> list[str]:
    return [flow.name for flow in flows]


def test_a_flow_is_a_file_a_class_a_line_and_its_steps(project: Project, tmp_path: Path) -> None:
    (flow,) = project("""\
        from metaflow import FlowSpec, retry, step

        class TrainFlow(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            def helper(self):
                pass

            @retry(times=2)
            @step
            def end(self):
                pass

        if __name__ == "__main__":
            TrainFlow()
        """)
    assert flow.file == tmp_path / "flow.py"
    assert (flow.name, flow.lineno, flow.steps) == ("TrainFlow", 3, ("start", "end"))


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("from metaflow import FlowSpec", "FlowSpec"),
        ("from metaflow import FlowSpec as Spec", "Spec"),
        ("from metaflow import *", "FlowSpec"),
        ("from os import *\nfrom metaflow import *\nfrom json import *", "FlowSpec"),
        ("import metaflow", "metaflow.FlowSpec"),
        ("import metaflow as mf", "mf.FlowSpec"),
        ("import metaflow.cards", "metaflow.FlowSpec"),
        ("from metaflow.flowspec import FlowSpec", "FlowSpec"),
        ("try:\n    from metaflow import FlowSpec\nexcept ImportError:\n    raise", "FlowSpec"),
        (
            f"try:\n    from metaflow import FlowSpec\nexcept ImportError:\n    {STAND_IN}",
            "FlowSpec",
        ),
        (f"try:\n    {STAND_IN}\nexcept E:\n    from metaflow import FlowSpec", "FlowSpec"),
        (
            "try:\n    import metaflow as m\nexcept ImportError:\n    import stubs as m",
            "m.FlowSpec",
        ),
        ("try:\n    import metaflow as m\nexcept ImportError:\n    m = None", "m.FlowSpec"),
        (f"if HAVE:\n    from metaflow import FlowSpec\nelse:\n    {STAND_IN}", "FlowSpec"),
        (f"if not HAVE:\n    {STAND_IN}\nelse:\n    from metaflow import FlowSpec", "FlowSpec"),
        (
            f"match 1:\n case 1:\n  {STAND_IN}\n case _:\n  from metaflow import FlowSpec",
            "FlowSpec",
        ),
        (
            (
                f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {STAND_IN}\n"
                "else:\n    from metaflow import FlowSpec"
            ),
            "FlowSpec",
        ),
        ("import importlib\nmf = importlib.import_module('metaflow')", "mf.FlowSpec"),
        ("import metaflow\nFlowSpec, step = metaflow.FlowSpec, metaflow.step", "FlowSpec"),
        ("import metaflow\nFlowSpec: type = metaflow.FlowSpec", "FlowSpec"),
        ("from typing import Generic, T\nfrom metaflow import FlowSpec", "FlowSpec, Generic[T]"),
        ("from abc import ABCMeta\nimport metaflow as mf", "mf.FlowSpec, metaclass=ABCMeta"),
    ],
)
def test_every_way_to_import_flowspec(project: Project, imports: str, base: str) -> None:
    assert names(project(f"{imports}\nclass TrainFlow({base}): pass\n{GUARD}")) == ["TrainFlow"]


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("from metaflow import FlowSpec, step", "step"),
        ("from metaflow import FlowSpec, step as task", "task"),
        ("from metaflow import *", "step"),
        ("import metaflow as mf\nfrom metaflow import FlowSpec", "mf.step"),
        ("from metaflow import FlowSpec, step", "step(start=True)"),
    ],
)
def test_every_way_to_mark_a_step(project: Project, imports: str, decorator: str) -> None:
    (flow,) = project(f"""\
{imports}
class TrainFlow(FlowSpec):
    @{decorator}
    def begin(self): pass
    @property
    def no_step(self): pass
TrainFlow()
""")
    assert flow.steps == ("begin",)


@pytest.mark.parametrize(
    ("body", "steps"),
    [
        ("start = step(_start)\n end = retry(times=2)(step(_end))", ("start", "end")),
        ("start = retry(step(_start))\n end = make(step)", ("start",)),
        ("start = _start", ("start",)),  # of a flow whose steps cannot be read: one for all
    ],
)
def test_steps_that_are_not_functions_of_the_class(
    project: Project, body: str, steps: tuple[str, ...]
) -> None:
    (flow,) = project(f"from metaflow import *\nclass TrainFlow(FlowSpec):\n {body}\n{GUARD}")
    assert flow.steps == steps


@pytest.mark.parametrize("stand_in", ["def step(f):\n  return f", "from .stubs import step"])
def test_steps_under_a_decorator_that_has_a_stand_in(project: Project, stand_in: str) -> None:
    (flow,) = project(
        f"try:\n from metaflow import FlowSpec, step\nexcept ImportError:\n {stand_in}\n"
        f" class FlowSpec: pass\nclass TrainFlow(FlowSpec):\n @step\n def begin(self): 0\n{GUARD}",
        {"stubs.py": "def step(f): return f"},
    )
    assert flow.steps == ("begin",)


@pytest.mark.parametrize(
    "block",
    [
        "if x:\n    {}",
        "if x: pass\nelse:\n    {}",
        "try:\n    {}\nfinally: pass",
        "try: pass\nexcept ImportError:\n    {}",
        "try: pass\nfinally:\n    {}",
        "with x:\n    {}",
        "match x:\n    case _:\n        {}",
    ],
)
def test_a_class_may_stand_in_a_block(project: Project, block: str) -> None:
    imported = block.format("from metaflow import FlowSpec")
    defined = block.format("class TrainFlow(FlowSpec): pass")
    assert names(project(f"{imported}\n{defined}\n{GUARD}")) == ["TrainFlow"]


@pytest.mark.parametrize(
    "start",
    [
        "TrainFlow()",
        "flow = TrainFlow()",
        GUARD,
        "if True:\n    try:\n        with open(f):\n            TrainFlow()\n    finally: pass",
        "for _ in 'x':\n    TrainFlow()",
        "flow = TrainFlow\nflow()",
        "if __name__ == '__main__':\n    flow = TrainFlow\n    flow()",
        "match 1:\n    case _:\n        TrainFlow()",
        "def main():\n    TrainFlow()\nif __name__ == '__main__':\n    main()",
        "def run():\n    TrainFlow()\ndef main():\n    run()\n    main()\nsys.exit(main())",
        "def main():\n    flow = TrainFlow\n    flow()\nmain()",
        "def main(argv=None):\n    args, rest = parser.parse_known_args()\n    TrainFlow()\nmain()",
        "flow: object = TrainFlow()",
        "if '__main__' == __name__ and ready(): TrainFlow()",
        "@cli.command()\ndef main():\n    TrainFlow()\nraise SystemExit(main())",
        "async def main():\n    TrainFlow()\nasyncio.run(main())",
    ],
)
def test_a_flow_that_its_file_starts(project: Project, start: str) -> None:
    source = f"from metaflow import FlowSpec\nclass TrainFlow(FlowSpec): pass\n{start}\n"
    assert names(project(source)) == ["TrainFlow"]


@pytest.mark.parametrize(
    "no_start",
    [
        "",
        "TrainFlow",
        "TrainFlow(use_cli=False)",
        "TrainFlow(False)",
        "def main():\n    TrainFlow()",
        "def test_flow():\n    assert TrainFlow()",
        "class Runner:\n    def run(self):\n        TrainFlow()",
        "later = lambda: TrainFlow()",
        "print('TrainFlow()')",
        "Other()",
    ],
)
def test_a_class_that_its_file_never_starts_is_not_a_flow(project: Project, no_start: str) -> None:
    source = f"from metaflow import FlowSpec\nclass TrainFlow(FlowSpec): pass\n{no_start}\n"
    assert project(source) == ()


@pytest.mark.parametrize(
    "source",
    [
        "",
        "from metaflow import FlowSpec\ndef test_it():\n    assert FlowSpec",
        "'''from metaflow import FlowSpec'''\nclass TrainFlow(dict): pass\nTrainFlow()",
        f"from metaflow import FlowSpec\n{STAND_IN}\nclass TrainFlow(FlowSpec): 0\nTrainFlow()",
        (
            f"if t.TYPE_CHECKING:\n from metaflow import FlowSpec\nelse:\n {STAND_IN}\n"
            "class TrainFlow(FlowSpec): 0\nTrainFlow()"
        ),
        "import unittest\nclass FlowSpec: pass\nclass TrainFlow(FlowSpec): pass\nTrainFlow()",
        "from metaflow import step\nclass TrainFlow(object):\n @step\n def a(self): 0\nTrainFlow()",
        "import metaflow\nclass TrainFlow(metaflow.Parameter): pass\nTrainFlow()",
    ],
)
def test_what_only_looks_like_a_flow(project: Project, source: str) -> None:
    assert project(source) == ()


STEPS = "    @step\n    def start(self): pass\n"
HEAD = f"from metaflow import FlowSpec, step\nclass TrainFlow(FlowSpec):\n{STEPS}"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import os\nprint(1)\n", "no class in it derives from metaflow.FlowSpec"),
        ("def broken(:", "it is not valid Python and does not mention Metaflow"),
        (
            "from metaflow import Runner\nwith Runner('train.py').run(): pass\n",
            "it starts flows through metaflow.Runner (line 2)",
        ),
        ("from metaflow import FlowSpec\nclass Base(FlowSpec): pass\n", "no class in it derives"),
    ],
)
def test_a_file_that_has_no_flow_is_explained(tmp_path: Path, source: str, what: str) -> None:
    file = tmp_path / "train.py"
    file.write_text(source, encoding="utf-8")
    found = explain_no_flow(file, root=tmp_path)
    assert what in str(found.error())
    assert "What to do: " in str(found.error())
    assert not found.looks_like_one
    assert suspect_no_flow(file, root=tmp_path) is None


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (f"{HEAD}make()()\n", "it defines TrainFlow, and no call `TrainFlow()` was found"),
        (f"{HEAD}TrainFlow(use_cli=False)\n", "line 5 calls it without its command line"),
        (
            f"{HEAD}class App:\n    def run(self):\n        TrainFlow()\nApp().run()\n",
            "the call in line 7 does not seem to run",
        ),
        (
            f"{HEAD}from metaflow import Runner\nRunner(__file__).run()\n",
            "it defines TrainFlow, and starts flows only through metaflow.Runner (line 6)",
        ),
        (
            f"{HEAD}FLOWS = {{'train': TrainFlow}}\nFLOWS['train']()\n",
            "no call `TrainFlow()` was found",
        ),
        (
            "from company import CompanyFlow\nclass TrainFlow(CompanyFlow): pass\nTrainFlow()\n",
            "its class TrainFlow (line 2) derives from company.CompanyFlow, which is not in",
        ),
        (
            f"import metaflow\nFlowSpec, step = load(metaflow)\nclass F(FlowSpec):\n{STEPS}F()",
            "its class F (line 3) derives from `FlowSpec`, which cannot be resolved",
        ),
        (
            f"from x import step\nclass F(bases['FlowSpec']):\n{STEPS}F()",
            "its class F (line 2) derives from `bases['FlowSpec']`, which cannot be resolved",
        ),
    ],
)
def test_what_seems_to_be_a_flow_and_is_not_found_is_explained(
    tmp_path: Path, source: str, what: str
) -> None:
    file = tmp_path / "train.py"
    file.write_text(source, encoding="utf-8")
    assert find_flows(file, root=tmp_path) == ()
    found = explain_no_flow(file, root=tmp_path)
    assert found.looks_like_one
    assert what in str(found.error())
    assert "What to do: " in str(found.error())
    guarded = f"from metaflow import Parameter\n{source}\nif __name__ == '__main__': pass\n"
    file.write_text(guarded, encoding="utf-8")
    assert suspect_no_flow(file, root=tmp_path) is not None


def test_several_flows_in_one_file_come_in_the_order_of_their_lines(project: Project) -> None:
    found = project("""\
        from metaflow import FlowSpec
        class Base(FlowSpec): pass
        class First(Base): pass
        class Second(Base): pass
        if FLAG: Second()
        else: First()
        First()
        """)
    assert [(flow.name, flow.lineno) for flow in found] == [("First", 3), ("Second", 4)]


def test_a_file_whose_name_is_not_an_identifier(project: Project) -> None:
    source = f"from metaflow import FlowSpec\nclass TrainFlow(FlowSpec): pass\n{GUARD}"
    assert names(project(source, file="flows/hello-cloud.py")) == ["TrainFlow"]


BASE = """\
from metaflow import FlowSpec, step
class Base(FlowSpec):
    @step
    def start(self): pass
"""


@pytest.mark.parametrize(
    ("imports", "base", "modules"),
    [
        ("from base import Base", "Base", {"base.py": BASE}),
        ("import base", "base.Base", {"base.py": BASE}),
        ("from base import Base", "Base[int]", {"base.py": BASE}),
        ("from base import *", "Base", {"base.py": BASE}),
        ("from base import *\nfrom metaflow import *", "Base", {"base.py": BASE}),
        ("from lib.base import Base as B", "B", {"lib/base.py": BASE}),
        ("import lib.base as b", "b.Base", {"lib/base.py": BASE}),
        ("import lib.base", "lib.base.Base", {"lib/base.py": BASE}),
        ("from lib import base", "base.Base", {"lib/base.py": BASE, "lib/__init__.py": ""}),
        ("from lib import Base", "Base", {"lib/b.py": BASE, "lib/__init__.py": "from .b import *"}),
        (
            "from lib.sub.deep import Base",
            "Base",
            {"lib/sub/deep.py": "from ..base import Base", "lib/base.py": BASE},
        ),
        (
            "from lib.deep import Base",
            "Base",
            {"lib/deep.py": "from . import base\nclass Base(base.Base): pass", "lib/base.py": BASE},
        ),
        (
            "from lib.deep import Base",
            "Base",
            {"lib/deep.py": "from . import Base", "lib/__init__.py": BASE},
        ),
        (
            "try:\n    from base import Base\nexcept ImportError:\n    from nowhere import Base",
            "Base",
            {"base.py": BASE},
        ),
    ],
)
def test_a_base_class_in_another_module_of_the_project(
    project: Project, imports: str, base: str, modules: dict[str, str]
) -> None:
    (flow,) = project(f"{imports}\nclass TrainFlow({base}): pass\n{GUARD}", modules)
    assert (flow.name, flow.steps) == ("TrainFlow", ("start",))


def test_modules_are_found_next_to_the_flow_then_in_the_root(project: Project) -> None:
    flow = f"from base import Base\nclass TrainFlow(Base): pass\n{GUARD}"
    other = BASE.replace("start", "begin")
    (found,) = project(flow, {"base.py": other}, file="flows/flow.py")
    assert found.steps == ("begin",)
    (found,) = project(flow, {"base.py": other, "flows/base.py": BASE}, file="flows/flow.py")
    assert found.steps == ("start",)


def test_modules_are_found_next_to_the_real_file_of_a_linked_flow(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/link.py").symlink_to("../real/flow.py")
    base = "from metaflow import FlowSpec as Base"
    project("", {"real/base.py": base, "jobs/base.py": "class Base: pass"})
    text = f"from base import Base\nclass TrainFlow(Base): pass\n{GUARD}"
    assert names(project(text, file="real/flow.py")) == ["TrainFlow"]
    (flow,) = find_flows(tmp_path / "jobs/link.py", root=tmp_path)
    assert flow.file == tmp_path / "jobs/link.py"


@pytest.mark.parametrize("module", ["lib/stock/base.py", "src/stock/base/__init__.py"])
def test_a_base_class_that_only_sys_path_leads_to(project: Project, module: str) -> None:
    base = """\
        from metaflow import FlowSpec, step

        class Base(FlowSpec):
            @step
            def start(self):
                pass
        """
    text = f"from stock.base import Base\nclass TrainFlow(Base): pass\n{GUARD}"
    (flow,) = project(text, {module: base}, file="flows/flow.py")
    assert flow.steps == ("start",)


def test_metaflow_is_never_a_module_of_the_project(project: Project) -> None:
    own = {"metaflow/__init__.py": "class FlowSpec: pass", "metaflow/cli.py": ""}
    assert names(project(FLOW, own, file="flows/flow.py")) == ["TrainFlow"]


def test_an_import_cycle_ends(project: Project) -> None:
    cycle = "from {} import *\nfrom {} import Missing\n"
    flow = f"from a import Missing\nfrom a import *\nclass TrainFlow(Missing): pass\n{GUARD}"
    assert project(flow, {"a.py": cycle.format("b", "b"), "b.py": cycle.format("a", "a")}) == ()
    found = project(
        f"from a import Base\nclass TrainFlow(Base): pass\n{GUARD}",
        {"a.py": "from b import *", "b.py": "from a import *\n" + BASE},
    )
    assert names(found) == ["TrainFlow"]


def test_a_class_may_take_the_name_of_its_base(project: Project) -> None:
    found = project("from base import Base\nclass Base(Base): pass\nBase()", {"base.py": BASE})
    assert names(found) == ["Base"]


def test_a_class_outside_the_project_is_a_flow_when_it_has_steps(project: Project) -> None:
    body = " @step\n def start(self): pass\n"
    outside = "from company.flows import CompanyFlow\nfrom metaflow import step\n"
    assert names(project(f"{outside}class TrainFlow(CompanyFlow):\n{body}{GUARD}")) == ["TrainFlow"]
    assert project(f"{outside}class TrainFlow(CompanyFlow): pass\n{GUARD}") == ()


def test_a_file_may_start_the_flow_of_another(project: Project) -> None:
    (flow,) = project(
        "import sys\nfrom base import Base as Flow\nFlow()\n", {"base.py": BASE}, file="run-it.py"
    )
    assert (flow.file.name, flow.name, flow.lineno) == ("run-it.py", "Base", 3)


@pytest.mark.parametrize(
    "text",
    [
        "from jobs import main\nmain()\n",
        "import jobs\nif __name__ == '__main__':\n    jobs.main()\n",
        "def main():\n    from jobs import TrainFlow\n    TrainFlow()\nmain()\n",
        "def main():\n    from jobs import TrainFlow as F\n    flow = F\n    flow()\nmain()\n",
        "def main():\n    import jobs\n    jobs.main()\nmain()\n",
    ],
)
def test_a_call_is_followed_into_a_function_and_another_module(project: Project, text: str) -> None:
    jobs = "from base import Base\nclass TrainFlow(Base): pass\ndef main():\n    TrainFlow()\n"
    assert names(project(text, {"jobs.py": jobs, "base.py": BASE})) == ["TrainFlow"]


def test_steps_are_in_the_order_of_python_and_overridden_once(project: Project) -> None:
    (flow,) = project("""\
        from metaflow import FlowSpec, step
        class Top(FlowSpec):
            @step
            def start(self): pass
            @step
            def middle(self): pass
            @step
            def dropped(self): pass
        class Left(Top):
            @step
            def left(self): pass
        class Right(Top):
            @step
            def right(self): pass
        class Mixin:
            @step
            def mixed(self): pass
        class TrainFlow(Left, Right, Mixin):
            dropped = None
            @step
            def end(self): pass
            @step
            def middle(self): pass
        TrainFlow()
        """)
    assert flow.steps == ("mixed", "start", "middle", "right", "left", "end")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (f"{FLOW}def broken(:\n".encode(), "flow.py, line 4: not valid Python"),
        (f"{FLOW}print 'two'\n".encode(), "flow.py, line 4"),
        (FLOW.encode() + b"# \xff\n", "codec can't decode byte 0xff"),
        (b"# coding: klingon\n" + FLOW.encode(), "klingon"),
        (FLOW.encode() + b"\0", "null bytes"),
        (f"{FLOW}x = {'(' * 5000}\n".encode(), "too many nested parentheses"),
        (f"{FLOW}x = {'-' * 100_000}1\n".encode(), "nested too deeply"),
        (f"{FLOW}class A(TrainFlow): 0\nclass B(TrainFlow, A): 0\nB()".encode(), "line 5: Python"),
    ],
)
def test_an_invalid_flow_is_an_error(tmp_path: Path, source: bytes, message: str) -> None:
    file = tmp_path / "flow.py"
    file.write_bytes(source)
    with pytest.raises(DiscoverError) as caught:
        find_flows(file, root=tmp_path)
    assert message in str(caught.value)
    assert str(caught.value).startswith("flow.py")
    assert "What to do:" in str(caught.value)


def test_an_invalid_base_module_is_the_one_that_is_named(project: Project) -> None:
    with pytest.raises(DiscoverError, match=r"^base\.py, line 5: "):
        project(
            f"from base import Base\nclass TrainFlow(Base): pass\n{GUARD}", {"base.py": BASE + "("}
        )


def test_an_invalid_file_that_does_not_mention_metaflow_is_ignored(project: Project) -> None:
    assert project("def broken(:\n    pass\nif __name__ == '__main__':") == ()


@pytest.mark.parametrize(
    "encoded",
    [
        b"\xef\xbb\xbf" + FLOW.encode(),
        b"# -*- coding: latin-1 -*-\n# \xe9\n" + FLOW.encode("latin-1"),
        FLOW.replace("\n", "\r\n").encode(),
    ],
)
def test_encodings_of_a_source_file(tmp_path: Path, encoded: bytes) -> None:
    (tmp_path / "flow.py").write_bytes(encoded)
    assert names(find_flows(tmp_path / "flow.py", root=tmp_path)) == ["TrainFlow"]


def test_an_invalid_escape_gives_no_warning(project: Project) -> None:
    assert names(project(FLOW + "pattern = '\\d'\n")) == ["TrainFlow"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DiscoverError, match=r"^gone\.py cannot be read: No such file"):
        find_flows(tmp_path / "gone.py", root=tmp_path)


def test_nothing_is_run(project: Project, tmp_path: Path) -> None:
    project(f"open({str(tmp_path / 'ran')!r}, 'w')\n{FLOW}")
    assert not (tmp_path / "ran").exists()


def test_a_file_that_changes_is_read_again(project: Project) -> None:
    assert names(project(FLOW)) == ["TrainFlow"]
    assert names(project(FLOW.replace("Train", "Other"))) == ["OtherFlow"]


def test_symlinks_in_the_path_of_a_flow_stay(tmp_path: Path, project: Project) -> None:
    project(FLOW, file="real/flow.py")
    (tmp_path / "link").symlink_to("real")
    (flow,) = find_flows(tmp_path / "link" / "flow.py", root=tmp_path)
    assert flow.file == tmp_path / "link" / "flow.py"


@pytest.mark.parametrize(
    ("source", "may"),
    [
        (b"import metaflow", True),
        (b"from base import B\nif __name__ == '__main__':\n  B()", True),
        (b"from base import B\nB()", True),
        (b"def test_one():\n    assert flow()\n", False),
        (b"import os\nVALUE = 1\n", False),
    ],
)
def test_the_search_that_saves_parsing(source: bytes, may: bool) -> None:
    assert may_start_flow(source) is may
