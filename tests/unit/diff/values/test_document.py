"""A file with a value comes with a pull request: whatever is in it, it ends in a sentence."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_values import artifact, edited, stored

from pytest_flowrepro.diff import compare
from pytest_flowrepro.diff.values import document as module
from pytest_flowrepro.diff.values.document import Document, document, documents, is_whole
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def npy(array: Any, *, allow_pickle: bool = False) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=allow_pickle)
    return out.getvalue()


def archive(file: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Document:
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return Document(value=None, file=file)


def test_without_a_file_it_is_the_readable_form() -> None:
    assert document(edited({"a": 1})) == Document(value={"a": 1})


@pytest.mark.slow
def test_arrays_are_read_in_chunks(tmp_path: Path) -> None:
    array = np.arange(module.CHUNK * 2 + 5)
    chunks = list(archive(tmp_path / "v.npz", {"0.npy": npy(array)}).numbers("0", array.size))
    assert [len(chunk) for chunk in chunks] == [module.CHUNK, module.CHUNK, 5]
    assert (np.concatenate(chunks) == array).all()


@given(st.lists(st.text() | st.lists(st.text(max_size=3)) | st.integers(), max_size=9))
def test_lists_are_read_whole_wherever_a_chunk_ends(items: list[Any]) -> None:
    text = json.dumps(items)
    for size in (1, 3, 1 << 16):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_TEXT", size)
            assert list(chain.from_iterable(module._lists(io.StringIO(text)))) == items


def test_two_summaries_say_more_than_one_and_a_file(tmp_path: Path) -> None:
    long = [float(n) for n in range(3_000)]
    summary, whole = artifact(long), stored(long[:-1], tmp_path)
    assert documents(summary, whole) == (Document(value=summary.value), Document(value=whole.value))
    short = artifact([1.0])
    assert documents(short, whole)[1].file == whole.stored
    assert is_whole(short.value)
    assert not is_whole(summary.value)


def test_a_structure_that_is_too_large_to_walk_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stored({"a": 1}, tmp_path)
    monkeypatch.setattr(module, "STRUCTURE", 5)
    assert document(whole) == Document(value=whole.value)


BROKEN: dict[str, tuple[bytes, str]] = {
    "a pickle": (npy(np.array([{}], dtype=object), allow_pickle=True), "dtype object"),
    "long elements": (npy(np.array(["x" * 99] * 3)), "dtype <U99"),
    "fields": (npy(np.zeros(3, dtype="i4,f8")), "dtype"),
    "no array": (pickle.dumps([1]), "ValueError"),
    "another length": (npy(np.zeros(4)), "4 elements instead of 3"),
    "cut off": (npy(np.zeros(3))[:-1], "does not agree with the size"),
    "too much": (npy(np.zeros(3)) + b"x", "does not agree with the size"),
    "a header that lies": (
        npy(np.zeros(3)).replace(b"(3,)", b"(9,)"),
        "does not agree with the size",
    ),
    "code for a header": (npy(np.zeros(3)).replace(b"'<f8'", b"f(1) "), "Error"),
    "another format": (b"\x93NUMPY\x09\x00" + npy(np.zeros(3))[8:], "ValueError"),
    "nothing": (b"", "ValueError"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_array_is_reported_with_its_file(name: str, tmp_path: Path) -> None:
    data, words = BROKEN[name]
    broken = archive(tmp_path / "v.npz", {"0.npy": data})
    with pytest.raises(BaselineError) as error:
        list(broken.numbers("0", 3))
    assert error.value.what == f"{tmp_path / 'v.npz'}: 0.npy cannot be read"
    assert words in error.value.detail


def test_the_elements_are_in_c_order(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    with pytest.raises(BaselineError, match="cannot be read") as error:
        list(archive(tmp_path / "v.npz", {"0.npy": npy(array)}).numbers("0"))
    assert "C order" in error.value.detail


@pytest.mark.parametrize(
    "text", ["", "{}", "[1, 2", "[NaN]", "[1] 2", '["\\ud', "\xff", "[" * 9_999]
)
def test_a_broken_list_is_reported_with_its_file(text: str, tmp_path: Path) -> None:
    broken = archive(tmp_path / "v.npz", {"0.json": text.encode("latin-1")})
    with pytest.raises(BaselineError, match=r"v.npz: 0.json cannot be read"):
        list(broken.items("0"))


def test_an_element_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "v.npz", {"0.json": b'["' + b"x" * 20_000_000 + b'"]'})
    assert (tmp_path / "v.npz").stat().st_size < 100_000
    with pytest.raises(BaselineError) as error:
        list(bomb.items("0"))
    assert "too large" in error.value.detail


def spoiled(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[60:90] = b"\x00" * 30
    file.write_bytes(bytes(data))


FILES: list[Callable[[Path], object]] = [
    lambda file: file.unlink(),
    lambda file: file.write_bytes(b"no archive"),
    lambda file: file.write_bytes(file.read_bytes()[:-30]),
    spoiled,
    lambda file: archive(file, {"other": b"1"}),
    lambda file: archive(file, {"../value.json": b"1"}),
    lambda file: archive(file, {"value.json": b"1"}, zipfile.ZIP_LZMA),
    lambda file: archive(file, {"value.json": b"\xff"}),
    lambda file: archive(file, {"value.json": b'{"a": NaN}'}),
    lambda file: archive(file, {"value.json": b'{"a": 1, "a": 2}'}),
    lambda file: archive(file, {"value.json": b"[" * 100_000}),
]


@pytest.mark.parametrize("spoil", FILES)
def test_a_broken_file_is_an_error_and_no_difference(
    spoil: Callable[[Path], object], tmp_path: Path
) -> None:
    new, old = stored({"a": [1] * 50}, tmp_path, "new"), stored({"a": 1}, tmp_path, "old")
    assert old.stored is not None
    spoil(old.stored)
    with pytest.raises(BaselineError, match=r"old.npz: value.json cannot be read") as error:
        compare(old, new)
    assert "restore the file" in error.value.hint


def test_a_member_that_is_missing_or_elsewhere_is_an_error(tmp_path: Path) -> None:
    new, old = stored(np.zeros(9), tmp_path, "new"), stored(np.ones(9), tmp_path, "old")
    assert old.stored is not None
    for data in ("7", "../../0", "/etc/passwd"):
        node = {"dtype": "float64", "shape": [9], "digest": "0", "data": data}
        archive(old.stored, {"value.json": json.dumps({"$array": node}).encode()})
        with pytest.raises(BaselineError, match="cannot be read"):
            compare(old, new)
