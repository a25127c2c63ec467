"""Explanations of arrays and tables, out of a baseline's readable form and out of whole files."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from stored_values import artifact, edited, stored

from pytest_flowrepro.diff import compare
from pytest_flowrepro.diff.values.elements import Elements, unequal
from pytest_flowrepro.diff.values.rules import Tolerance

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Artifact
    from pytest_flowrepro.support.strict_json import Json

# numpy has a type for texts of any length since version 2.
STRINGS = np.dtypes.StringDType() if hasattr(np.dtypes, "StringDType") else np.dtype(object)


def frame(rows: int = 3, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"a": range(rows), "b": [0.5] * rows, **columns})


def with_attrs(value: Any, **attrs: object) -> Any:
    value.attrs = attrs
    return value


def changed(array: Any, place: Any, value: object) -> Any:
    copy = array.copy()
    copy[place] = value
    return copy


GRID = np.arange(12.0).reshape(3, 4)
CITIES = pd.DataFrame({"n": [1.0, 2.0, 3.0]}, index=["Bern", "Oslo", "Rome"])
TWICE = CITIES.set_axis(["Bern", "Bern", "Rome"])
LEVELS = CITIES.set_index(pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)]))
TIMES = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"]))
INT64 = pd.Series([1, None, 3], dtype="Int64")

EXPLAINED: list[tuple[object, object, list[str]]] = [
    (
        GRID,
        changed(GRID, (1, 2), 99),
        ["1 of 12 elements differs, at [1, 2]: 6.0 -> 99.0 (by 93, relative 15.5)"],
    ),
    (
        GRID,
        GRID + GRID**2,
        [
            "11 of 12 elements differ, first at [0, 1]: 1.0 -> 2.0",
            "largest difference 121 at [2, 3], relative 11 at [2, 3]",
        ],
    ),
    (GRID, changed(GRID, (0, 0), np.nan), ["1 of 12 elements differs, at [0, 0]: 0.0 -> nan"]),
    (
        GRID,
        changed(GRID, (0, 0), -0.0),
        ["1 of 12 elements differs, at [0, 0]: 0.0 -> -0.0 (by 0)"],
    ),
    (GRID, GRID.astype("f4"), ["dtype: 'float64' -> 'float32'"]),
    (GRID, GRID.reshape(4, 3), ["shape: [3, 4] -> [4, 3]"]),
    (np.arange(5), np.array([0, 1, 3, 4]), ["shape: [5] -> [4]", "[2]: removed 2"]),
    (
        np.array([-(2**63)]),
        np.array([2**63 - 1]),
        [
            "1 of 1 elements differs, at [0]: -9223372036854775808 -> 9223372036854775807 (by",
        ],
    ),
    (
        np.array([1 + 1j, 2]),
        np.array([1 + 2j, 2]),
        ["1 of 2 elements differs, at [0]: (1+1j) -> (1+2j) (by 1, relative 0.707)"],
    ),
    (
        np.array(["a", "b"]),
        np.array(["a", "c"]),
        ["1 of 2 elements differs, at [1]: 'b' -> 'c'"],
    ),
    (
        np.zeros(2, dtype="i4,f8"),
        changed(np.zeros(2, dtype="i4,f8"), 1, (1, 0.0)),
        ["['f0']: 1 of 2 elements differs, at [1]: 0 -> 1 (by 1)"],
    ),
    (
        frame(),
        frame(b=[0.5, 1.5, 0.75]),
        [
            "['b']: 2 of 3 elements differ, first at [1]: 0.5 -> 1.5",
            "['b']: largest difference 1 at [1], relative 2 at [1]",
        ],
    ),
    (frame(), frame()[["b", "a"]], ["columns are in another order"]),
    (frame(), frame(c=1), ["shape: [3, 2] -> [3, 3]", "column 'c' added"]),
    (frame(), frame().astype({"a": "f8"}), ["['a'] dtype: 'int64' -> 'float64'"]),
    (
        frame(),
        frame().set_axis([5, 6, 7]),
        [
            "index: 3 of 3 elements differ, first at [0]: 0 -> 5",
            "index: largest difference 5 at [0]",
        ],
    ),
    (frame()["a"], frame()["a"].rename("z"), ["name: 'a' -> 'z'"]),
    (frame(), frame().rename_axis(columns="unit"), ["labels: None -> ['unit']"]),
    (frame(), with_attrs(frame(), unit="m"), ["attrs['unit']: added 'm'"]),
    (
        with_attrs(frame()["a"], unit="m"),
        with_attrs(frame()["a"], unit="km"),
        ["attrs['unit']: 'm' -> 'km'"],
    ),
    (
        np.array(["m", "km"], dtype=STRINGS),
        np.array(["m", "kg"], dtype=STRINGS),
        ["1 of 2 elements differs, at [1]: 'km' -> 'kg'"],
    ),
    (
        {"df": frame()},
        {"df": frame(a=[0, 1, 9])},
        ["['df']['a']: 1 of 3 elements differs, at [2]: 2 -> 9 (by 7, relative 3.5)"],
    ),
    (
        CITIES,
        CITIES.iloc[[2, 0]].assign(n=[3.0, 1.5]),
        [
            "shape: [3, 1] -> [2, 1]",
            "index: 1 row removed: ['Oslo']",
            "index: the rows are in another order",
            "['n']: 1 of 2 elements differs, at ['Bern']: 1.0 -> 1.5 (by 0.5, relative 0.5)",
        ],
    ),
    (CITIES, CITIES[::-1], ["index: the rows are in another order"]),
    (
        CITIES,
        pd.concat([CITIES, CITIES.set_axis(["Riga", "Bari", "Lyon"])]),
        ["shape: [3, 1] -> [6, 1]", "index: 3 rows added: ['Riga'], ['Bari'], ['Lyon']"],
    ),
    (CITIES, TWICE, ["index: 1 of 3 elements differs, at [1]: 'Oslo' -> 'Bern'"]),
    (
        TWICE,
        TWICE.assign(n=[1.0, 2.0, 4.0]),
        ["['n']: 1 of 3 elements differs, at ['Rome']: 3.0 -> 4.0 (by 1, relative 0.333)"],
    ),
    (
        LEVELS,
        LEVELS.iloc[1:].assign(n=9.0),
        [
            "shape: [3, 1] -> [2, 1]",
            "index: 1 row removed: [('x', 1)]",
            "['n']: 2 of 2 elements differ, first at [('x', 2)]: 2.0 -> 9.0",
        ],
    ),
    (CITIES.index, CITIES.index[[0, 1, 1]], ["1 of 3 elements differs, at [2]: 'Rome' -> 'Oslo'"]),
    (CITIES["n"], CITIES["n"][1:], ["length: 3 -> 2", "index: 1 row removed: ['Bern']"]),
    (INT64, pd.Series([1, 2, None], dtype="Int64"), ["2 of 3 elements differ, first at [1]: "]),
    (
        pd.Series(["x", "y"], dtype="category"),
        pd.Series(["x", "x"], dtype=pd.CategoricalDtype(["x", "y"])),
        ["1 of 2 elements differs, at [1]: 'y' -> 'x'"],
    ),
    (
        pd.Series(["x", "y"], dtype="category"),
        pd.Series(["x", "y"], dtype=pd.CategoricalDtype(["y", "x"])),
        ["categories differ, elements do not"],
    ),
    (
        pd.Series(["a", None]),
        pd.Series(["a", "b"]),
        ["1 of 2 elements differs, at [1]: None -> 'b'"],
    ),
    (
        TIMES,
        TIMES + pd.Timedelta(hours=1),
        ["2 of 2 elements differ, first at [0]: '2024-01-01T00:00:00"],
    ),
]


@pytest.mark.parametrize("whole", [False, True], ids=["readable", "whole"])
@pytest.mark.parametrize(("old", "new", "lines"), EXPLAINED)
def test_elements_are_counted_and_the_largest_difference_is_reported(
    old: object, new: object, lines: list[str], whole: bool, tmp_path: Path
) -> None:
    def recorded(value: object, name: str) -> Artifact:
        return stored(value, tmp_path, name) if whole else artifact(value)

    found = compare(recorded(old, "old"), recorded(new, "new"))
    assert [told[: len(line)] for told, line in zip(found.lines, lines, strict=False)] == lines
    assert found.complete
    assert found.differing


def test_a_summary_shows_what_changed() -> None:
    found = compare(artifact(frame(900)), artifact(frame(900, b=1.5)))
    assert found.lines[:4] == (
        "['b'] min: 0.5 -> 1.5",
        "['b'] max: 0.5 -> 1.5",
        "['b'] mean: 0.5 -> 1.5",
        "['b'] quantiles: [0.5, 0.5, 0.5] -> [1.5, 1.5, 1.5]",
    )
    assert not found.complete


def test_two_columns_of_one_name_are_two() -> None:
    old = pd.DataFrame([[1, 2]], columns=["a", "a"])
    new = pd.DataFrame([[1, 3]], columns=["a", "a"])
    (line,) = compare(artifact(old), artifact(new)).lines
    assert line == "['a' at 1]: 1 of 1 elements differs, at [0]: 2 -> 3 (by 1, relative 0.5)"


SIMPLE: dict[str, Any] = {
    **{key: {"allow_nan": True} for key in ("f2", "f4", "f8")},
    **dict.fromkeys(("i1", "?", "c16")),
    # Larger ones are not exact as doubles, which their differences are told in.
    "i8": {"min_value": -(1 << 50), "max_value": 1 << 50},
    "u8": {"max_value": 1 << 50},
}
simple = st.sampled_from(sorted(SIMPLE)).flatmap(
    lambda dtype: st.tuples(*[hnp.arrays(dtype, 5, elements=SIMPLE[dtype])] * 2)
)


@given(simple, st.booleans())
def test_chunks_and_single_elements_are_counted_alike(
    arrays: tuple[np.ndarray, np.ndarray], exact: bool
) -> None:
    old, new = arrays
    tolerance = Tolerance() if exact else Tolerance(rtol=0.5, atol=1.0)
    chunks, leaves = Elements(str(old.dtype), tolerance), Elements(str(old.dtype), tolerance)
    chunks.add_chunk(old, None, new, None)
    for a, b in zip(old.tolist(), new.tolist(), strict=True):
        one, other = (artifact(value).value for value in (a, b))
        leaves.add_leaves([one], [other])
    assert chunks.differing == leaves.differing
    assert (chunks.tolerated is None) == (leaves.tolerated is None)
    assert (chunks.tolerated or 0.0) == pytest.approx(leaves.tolerated or 0.0, rel=1e-12)
    assert len(unequal(old, new)) >= chunks.differing


def test_every_nan_is_one_and_the_zeros_are_two() -> None:
    old, new = np.array([np.nan, 0.0, 1.0]), np.array([-np.nan, -0.0, 1.0])
    assert old.tobytes()[:8] != new.tobytes()[:8]
    assert unequal(old, new).tolist() == [1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
def test_a_large_array_takes_little_memory(tmp_path: Path) -> None:
    """240 MB each, all zeros but one: 240 kB in a file."""
    script = f"""
        import json, re, zipfile
        import numpy as np
        from pathlib import Path
        from pytest_flowrepro.diff import compare
        from pytest_flowrepro.model import Artifact

        SIZE = 30_000_000
        def write(name, last):
            file = Path({str(tmp_path)!r}, name)
            header = {{"descr": "<f8", "fortran_order": False, "shape": (SIZE,)}}
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                node = {{"dtype": "float64", "shape": [SIZE], "digest": name, "data": "0"}}
                archive.writestr("value.json", json.dumps({{"$array": node}}))
                with archive.open("0.npy", "w", force_zip64=True) as out:
                    np.lib.format.write_array_header_1_0(out, header)
                    for n in range(30):
                        chunk = np.zeros(SIZE // 30)
                        chunk[-1] = last if n == 29 else 0
                        out.write(chunk.tobytes())
            return Artifact(name="a", type="numpy.ndarray", digest=name, value=None, stored=file)

        found = compare(write("old.npz", 1.0), write("new.npz", 2.0))
        print(found.lines)
        # Not ru_maxrss: it begins with the memory of the process that started this one.
        peak = re.search("VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
        assert int(peak) < 300_000, peak
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert "1 of 30,000,000 elements differs, at [29999999]: 1.0 -> 2.0" in done.stdout, done.stderr
    assert done.returncode == 0, done.stderr


def test_of_the_ends_that_a_baseline_shows_one_element_is_reported() -> None:
    def shown(first: list[Json], last: list[Json]) -> Artifact:
        body: Json = {"dtype": "float64", "shape": [9], "first": first, "last": last}
        return edited({"$array": body})

    cut: Json = {"$cut": {"type": "m.Tree", "length": 6, "digest": "01234567"}}
    other: Json = {"$cut": {"type": "m.Tree", "length": 6, "digest": "89abcdef"}}
    found = compare(shown([1.0, 2.0, 3.0], [cut, 8.0]), shown([1.0, 2.5, 4.0], [other, 8.0]))
    assert found.lines == ("first: [1]: 2.0 -> 2.5", "last: [-2] differs")
    found = compare(shown([1.0], []), shown([1.0, 2.0], []))
    assert found.lines == ("first: [1.0] -> [1.0, 2.0]",)
