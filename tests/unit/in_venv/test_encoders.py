"""`_flowrepro/encoders.py`, in this process: files as a project may have them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from _flowrepro import encoders, kinds
from _flowrepro.canonical import encoder as canonical
from _flowrepro.readable import form as readable_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Curve:
    def __init__(self, points: object) -> None:
        self.points = points
        self.key = id(self)


class Bent(Curve):
    pass


CURVE = f"{__name__}.Curve"


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    def written(text: str) -> None:
        file = tmp_path / "encoders.py"
        file.write_text(text, encoding="utf-8")
        encoders.load(str(file))

    yield written
    written("ENCODERS = {}\n")
    del sys.modules["flowrepro_encoders"]


def test_the_result_of_an_encoder_replaces_the_object(load: Callable[[str], None]) -> None:
    load(f"ENCODERS = {{{CURVE!r}: lambda curve: curve.points}}\n")
    digests = [canonical.digest(Curve(points)) for points in ([1.0], [1.0], [2.0], 1.0)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    assert canonical.digest([1.0]) != digests[0], "an object is not what stands for it"
    assert readable_form.readable({"a": Curve([1.0])}, 4000) == {
        "a": {"$encoded": {"type": CURVE, "fields": {"as": [1.0]}}}
    }


def test_it_may_hold_other_objects_with_encoders(load: Callable[[str], None]) -> None:
    load(f"ENCODERS = {{{CURVE!r}: lambda curve: curve.points}}\n")
    nested = [canonical.digest(Curve({"inner": Curve([end])})) for end in (1, 1, 2)]
    assert nested[0] == nested[1] != nested[2]


def test_a_class_that_derives_from_it_may_hold_more_and_is_another(
    load: Callable[[str], None],
) -> None:
    load(f"ENCODERS = {{{CURVE!r}: lambda curve: curve.points}}\n")
    assert canonical.digest(Bent([1.0])) != canonical.digest(Curve([1.0]))
    assert encoders.encoded(Bent([1.0]), kinds.type_name) is None


def test_one_that_raises_is_known_by_its_class_and_cause(load: Callable[[str], None]) -> None:
    load(f"ENCODERS = {{{CURVE!r}: lambda curve: curve.color}}\n")
    with pytest.raises(encoders.EncoderError) as caught:
        canonical.digest([Curve(1)])
    assert str(caught.value) == CURVE
    assert isinstance(caught.value.__cause__, AttributeError)


def test_one_that_never_ends_is_stopped_by_the_depth_of_a_value(
    load: Callable[[str], None],
) -> None:
    load(f"ENCODERS = {{{CURVE!r}: lambda curve: [type(curve)(1)]}}\n")
    with pytest.raises(canonical.TooDeepError):
        canonical.digest(Curve(1))


def test_what_a_forked_worker_met_is_known_here(load: Callable[[str], None]) -> None:
    load(f"ENCODERS = {{'x.Y': str, {CURVE!r}: lambda curve: 1}}\n")
    assert encoders.used() == {"x.Y": False, CURVE: False}
    pid = os.fork()
    if pid == 0:
        encoders.encoded(Curve(1), kinds.type_name)
        os._exit(0)
    os.waitpid(pid, 0)
    assert encoders.used() == {"x.Y": False, CURVE: True}


BROKEN = [
    ("ENCODERS = {\n  'a.B' str\n}\n", 2, "SyntaxError: "),
    ("import nosuchmodule\n", 1, "ModuleNotFoundError: No module named 'nosuchmodule'"),
    ("def f():\n    raise SystemExit(3)\nf()\n", 2, "SystemExit: 3"),
    ("OTHERS = {}\n", None, "it has no dict `ENCODERS`, class name -> function"),
    ("ENCODERS = ['a.B']\n", None, "it has no dict `ENCODERS`, class name -> function"),
    ("ENCODERS = {'a.B': 1}\n", None, "ENCODERS['a.B']: give a function by the full name of a"),
    ("ENCODERS = {dict: str}\n", None, "ENCODERS[<class 'dict'>]: give a function by the full"),
    ("ENCODERS = {'dict': str}\n", None, "ENCODERS['dict']: give a function by the full name"),
    (
        "ENCODERS = {\n  'a.B': str,\n  'a.C': str,\n  'a.B': repr,\n}\n",
        4,
        "a second encoder for a.B; the first is in line 2",
    ),
]


@pytest.mark.parametrize(("text", "line", "reason"), BROKEN)
def test_a_file_that_cannot_be_used_is_reported_with_its_line(
    load: Callable[[str], None], text: str, line: int | None, reason: str
) -> None:
    with pytest.raises(encoders.BrokenEncodersError) as caught:
        load(text)
    assert caught.value.line == line
    assert caught.value.reason.startswith(reason)
