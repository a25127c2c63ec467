"""Files that hold full values, as the flow's interpreter writes them."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from _flowrepro.readable import form as readable_form
from _flowrepro.readable import full_values as writer
from pytest_flowrepro.support.in_venv import IN_VENV

if TYPE_CHECKING:
    from pathlib import Path


MEGABYTE = 1_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "0123456789abcdef.npz"


def stored(value: object, file: Path) -> Any:
    """`value.json` of the file that holds the value."""
    assert writer.store(value, str(file), 10 * MEGABYTE)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return json.loads(archive.read("value.json"))


def items(file: Path, member: str) -> Any:
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read(f"{member}.json"))


ARRAYS = [
    np.arange(2_000, dtype="f8").reshape(20, 100),
    np.asfortranarray(np.arange(2_000, dtype="i4").reshape(20, 100)),
    np.arange(2_000, dtype=">i8")[::-2],
    np.full(1_500, np.nan, dtype="f2"),
    np.arange(1_500) % 7 == 0,
    np.exp(1j * np.arange(1_500)),
    np.arange(70_000 * 3, dtype="u1").reshape(3, 70_000),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_numpy_reads_the_array_back(array: Any, file: Path) -> None:
    node = stored(array, file)["$array"]
    assert (node["dtype"], node["shape"]) == (array.dtype.newbyteorder("=").name, [*array.shape])
    with np.load(file, allow_pickle=False) as members:
        np.testing.assert_array_equal(members[node["data"]], array)
        assert members[node["data"]].dtype.newbyteorder("=") == array.dtype.newbyteorder("=")


def test_times_are_whole_numbers_of_their_unit(file: Path) -> None:
    times = np.arange("2024-01-01", "2026-10-01", dtype="datetime64[D]")
    node = stored(times, file)["$array"]
    assert node["dtype"] == "datetime64[D]"
    with np.load(file, allow_pickle=False) as members:
        np.testing.assert_array_equal(members[node["data"]], times.view("i8"))


@pytest.mark.parametrize(
    ("array", "first"),
    [
        (np.array([f"row {i}" for i in range(1_500)]), "row 0"),
        (np.array([{"a": 1}, (2, "x" * 500)] * 750, dtype=object), {"a": 1}),
        (np.arange(1_500, dtype=np.longdouble), "0.0"),
    ],
    ids=["text", "object", "long double"],
)
def test_other_elements_are_a_list_of_readable_forms(array: Any, first: Any, file: Path) -> None:
    found = items(file, stored(array, file)["$array"]["data"])
    assert (len(found), found[0]) == (1_500, first)
    assert found[1] in ("row 1", {"$tuple": [2, "x" * 500]}, "1.0"), "nothing in it is cut"


def test_a_structured_array_is_kept_field_by_field(file: Path) -> None:
    array = np.zeros(1_200, dtype=[("x", "f4"), ("y", "i2")])
    array["y"] = np.arange(1_200)
    fields = stored(array, file)["$array"]["fields"]
    with np.load(file, allow_pickle=False) as members:
        np.testing.assert_array_equal(members[fields["y"]["$array"]["data"]], array["y"])


def test_a_frame_is_kept_column_by_column(file: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": np.arange(3_000),
            "text": pd.array(["a", None, "c"] * 1_000, dtype="string"),
            "some": pd.array([1, None, 3] * 1_000, dtype="Int64"),
            "kind": pd.Categorical(["x", None, "y"] * 1_000),
        }
    )
    node = stored(frame, file)["$frame"]
    n, text, some, kind = node["columns"]
    with np.load(file, allow_pickle=False) as members:
        np.testing.assert_array_equal(members[n["data"]], frame["n"])
        np.testing.assert_array_equal(members[some["missing"]], frame["some"].isna())
        assert members[some["data"]][0] == 1
        np.testing.assert_array_equal(members[kind["categories"]["codes"]], [0, -1, 1] * 1_000)
        np.testing.assert_array_equal(members[node["index"]["data"]], frame.index)
    assert kind["categories"]["categories"]["values"] == ["x", "y"]
    assert items(file, text["data"])[:3] == ["a", None, "c"]


@pytest.mark.parametrize(
    ("numbers", "kind"), [([0.5] * 2_000, ("list", "float")), ((7,) * 2_000, ("tuple", "int"))]
)
def test_a_long_list_of_numbers_is_an_array(numbers: Any, kind: Any, file: Path) -> None:
    node = stored({"history": numbers}, file)["history"]["$numbers"]
    assert (node["type"], node["of"], node["length"]) == (*kind, 2_000)
    with np.load(file, allow_pickle=False) as members:
        assert members[node["data"]].tolist() == list(numbers)


@pytest.mark.parametrize(
    "numbers", [[1, 2.0] * 600, [True] * 1_200, [1 << 63] * 1_200, ["a"] * 1_200, [1.0] * 999]
)
def test_any_other_list_stays_as_it_reads(numbers: Any, file: Path) -> None:
    assert len(stored(numbers, file)) == len(numbers)


def test_labels_of_columns_take_no_members(file: Path) -> None:
    stored(pd.DataFrame([range(1_500)], columns=[str(i) for i in range(1_500)]), file)
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["value.json"]


def test_a_small_value_is_in_the_form_itself(file: Path) -> None:
    node = stored({"x" * 5_000: np.arange(3)}, file)["x" * 5_000]
    assert node["$array"]["values"] == [0, 1, 2]


def test_the_same_value_gives_the_same_bytes(file: Path, tmp_path: Path) -> None:
    value = {"a": np.arange(5_000.0), "text": ["x" * 100] * 1_000}
    stored(value, file)
    stored({"text": ["x" * 100] * 1_000, "a": np.arange(10_000.0)[:5_000]}, tmp_path / "other")
    assert file.read_bytes() == (tmp_path / "other").read_bytes()


def test_without_numpy_lists_are_stored_all_the_same(file: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from _flowrepro.readable.full_values import store\n"
        "assert store({'a': [0.5] * 2000, 'b': 'x' * 9000}, sys.argv[2], 10 ** 6)\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-B", "-S", "-c", script, IN_VENV, file], check=True)
    with np.load(file, allow_pickle=False) as members:
        assert members["0"].tolist() == [0.5] * 2_000


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else ["x" * 9_000]


@pytest.mark.parametrize(
    "value",
    [np.zeros(MEGABYTE), [0.5] * MEGABYTE, ["x" * 100_000] * 100, "x" * (8 * MEGABYTE), nested(90)],
    ids=["array", "numbers", "list", "text", "nested"],
)
def test_what_does_not_suit_a_file_leaves_none(value: Any, file: Path) -> None:
    assert not writer.store(value, str(file), 7 * MEGABYTE)
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (1, True),
        ({"a": [1, {"b": "x"}], "c": np.arange(10)}, True),
        (pd.DataFrame({"a": [1, 2]}), True),
        (np.zeros(3, dtype=[("x", "f4")]), True),
        (np.arange(10_000), False),
        ({"a": [1, {"b": "x" * 9_000}]}, False),
        (pd.DataFrame({"a": np.arange(10_000)}), False),
        (np.zeros(9_000, dtype=[("x", "f4")]), False),
    ],
)
def test_a_form_that_holds_everything_needs_no_file(value: Any, whole: bool) -> None:
    assert writer.is_whole(json.loads(json.dumps(readable_form.readable(value, 4_000)))) == whole


def test_what_does_not_shrink_is_not_deflated(file: Path) -> None:
    noise = np.random.default_rng(0).random(20_000)
    stored({"noise": noise, "steps": np.arange(20_000)}, file)
    with zipfile.ZipFile(file) as archive:
        kinds = {info.filename: info.compress_type for info in archive.infolist()}
    assert kinds == {
        "0.npy": zipfile.ZIP_STORED,
        "1.npy": zipfile.ZIP_DEFLATED,
        "value.json": zipfile.ZIP_DEFLATED,
    }


FULL = """
import resource, sys
sys.path.append(sys.argv[1])
from _flowrepro.readable import full_values as writer
usual = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, usual[1]))
for value in [i * 0.1 for i in range(100_000)], ["row %d" % i for i in range(100_000)]:
    try:
        writer.store(value, sys.argv[2], 10_000_000)
    except writer.UnwritableError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, usual)
"""


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_said_and_nothing_is_left_on_it(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(IN_VENV), str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("File too large\n" * 2, "")
    assert not list(file.parent.iterdir())


class OnlyTwice:
    """Its digest and its readable form have been made; then it has had enough."""

    def __reduce__(self) -> Any:
        raise RuntimeError("not a third time")


def test_a_value_whose_own_code_fails_is_not_kept_whole_and_that_is_all(file: Path) -> None:
    assert not writer.store([OnlyTwice()] * 2_000, str(file), MEGABYTE)
    assert not list(file.parent.iterdir())
