"""Which rule a value of a library is asked for: `in_venv/_flowrepro/libraries/registry.py`.

The rules themselves are tested against real libraries in tests/integration/test_types.py.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from _flowrepro.canonical import encoder as canonical
from _flowrepro.libraries import registry as libraries
from pytest_flowrepro.support.in_venv import IN_VENV

if TYPE_CHECKING:
    from _flowrepro.kinds import Parts

LIBRARIES = ("numpy", "pandas", "polars", "pyarrow", "scipy", "sklearn", "torch", "matplotlib")


class Temperatures(np.ndarray[Any, Any]):
    unit = ""


class Renamed(np.random.RandomState):
    """Its library renamed what the rule asks for."""

    def get_state(self, *_: object, **__: object) -> Any:
        raise AttributeError("get_state is gone")


def temperatures(unit: str) -> Any:
    array = np.array([1.0, 2.0]).view(Temperatures)
    array.unit = unit
    return array


def digest(value: object) -> str:
    found: str = canonical.digest(value)
    return found


def parts(value: object) -> Parts:
    known = libraries.parts(value)
    assert known is not None
    return known


@pytest.mark.parametrize(
    "value",
    [
        *(1, "a", [1], {"a": 1}, ValueError("a")),
        *(np.zeros(2), np.float64(1), pd.DataFrame({"a": [1]}), pd.Series([1]), pd.Index([1])),
    ],
)
def test_what_has_a_form_of_its_own_needs_no_rule(value: object) -> None:
    assert libraries.parts(value) is None


def test_what_a_subclass_adds_is_part_of_the_value() -> None:
    assert digest(temperatures("C")) == digest(temperatures("C"))
    assert digest(temperatures("C")) != digest(temperatures("F"))
    assert digest(temperatures("C")) != digest(np.array([1.0, 2.0]))


def test_a_release_that_a_rule_does_not_fit_is_known_as_any_object_is() -> None:
    assert libraries.parts(Renamed(0)) is None
    assert parts(np.random.RandomState(0)).kind == "random"


def test_a_class_is_named_by_the_shortest_module_that_has_it() -> None:
    assert parts(pd.array([1], dtype="Int64")).type == "pandas.arrays.IntegerArray"
    assert parts(np.ma.array([1])).type == "numpy.ma.MaskedArray"


def test_the_mask_is_part_of_an_array_and_masked_data_is_not() -> None:
    masked = [np.ma.array([1, under], mask=[False, True]) for under in (2, 3)]
    assert digest(masked[0]) == digest(masked[1])
    assert digest(masked[0]) != digest(np.ma.array([1, 2]))
    assert masked[0].data.tolist() == [1, 2]  # the value itself is left alone


def test_no_library_is_imported_for_a_value_that_did_not_bring_it() -> None:
    code = (
        "import sys; from _flowrepro.canonical import encoder; encoder.digest([object, {1}]); "
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(IN_VENV)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(LIBRARIES) & set(done.stdout.split())
