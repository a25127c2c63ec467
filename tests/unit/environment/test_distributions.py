from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.environment.distributions import (
    InstalledDistribution,
    find_distributions,
    parse_record,
)
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from pathlib import Path


def install(site: Path, folder: str, metadata: bytes, record: str = "") -> Path:
    place = site / f"{folder}.dist-info"
    place.mkdir()
    (place / "METADATA").write_bytes(metadata)
    (place / "RECORD").write_text(record, "utf-8")
    return place


def test_the_rows_of_a_record_have_a_path_and_a_hash() -> None:
    rows = parse_record('a.py,sha256=abc,3\n"b,c.py",,\n\nd.py\n')

    assert rows == [("a.py", "sha256=abc"), ("b,c.py", ""), ("d.py", None)]


def test_a_record_names_files_that_are_missing(tmp_path: Path) -> None:
    folder = install(tmp_path, "a-1", b"Name: a\nVersion: 1\n", "gone.py,sha256=abc,3\n")

    assert [row.path for row in InstalledDistribution(folder).record()] == ["gone.py"]


def test_distributions_are_found_by_the_name_in_their_metadata(tmp_path: Path) -> None:
    install(tmp_path, "zope_interface-6.0", b"Name: Zope.Interface\nVersion: 6.0\n")
    install(tmp_path, "a-1-2", b"Name: a\nVersion: 1-2\nAuthor: J\xe9r\xf4me\n")

    found = find_distributions(tmp_path)

    assert {name: one.version for name, one in found.items()} == {
        "a": "1-2",
        "zope-interface": "6.0",
    }
    assert [*found] == ["a", "zope-interface"]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [(b"Version: 1\n", "it has no name"), (b"Name: a\n", "it has no version")],
)
def test_metadata_without_a_name_or_a_version_is_an_error(
    tmp_path: Path, metadata: bytes, reason: str
) -> None:
    folder = install(tmp_path, "a-1", metadata)

    with pytest.raises(EnvironmentBuildError) as caught:
        _ = [one.version for one in find_distributions(tmp_path).values()]

    assert caught.value.what == f"METADATA of the installed {folder.name} cannot be used"
    assert caught.value.detail == reason


@pytest.mark.parametrize("file", ["METADATA", "RECORD"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, file: str) -> None:
    (install(tmp_path, "a-1", b"Name: a\nVersion: 1\n") / file).unlink()

    with pytest.raises(EnvironmentBuildError, match=f"^{file} of .* cannot be used") as caught:
        find_distributions(tmp_path)["a"].record()

    assert caught.value.detail == "the file is missing"
