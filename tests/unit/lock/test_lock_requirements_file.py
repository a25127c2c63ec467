from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.errors import LockError
from pytest_flowrepro.lock.requirements_file import read_requirements_file

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_are_kept_as_written_without_comments_and_hashes(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_bytes(
        b"\xef\xbb\xbf# what we need\r\n"
        b"Pandas[excel,html] >= 2 , < 3  # why\r\n"
        b"six==1.17.0 \\\r\n    --hash=sha256:00 \\\r\n    --hash=sha256:11\r\n"
        b'tzdata ; sys_platform == "win32"\r\n'
        b"--require-hashes\r\n--only-binary :all:\r\n"
        b"numpy\r\nnumpy\r\n"
    )

    requirements = read_requirements_file(file, root=tmp_path)

    assert requirements.lines == (
        "Pandas[excel,html] >= 2 , < 3",
        "six==1.17.0",
        'tzdata ; sys_platform == "win32"',
        "numpy",
    )
    assert requirements.source == "requirements.txt"


def test_other_files_are_included_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "deps").mkdir()
    (tmp_path / "top.txt").write_text("-r deps/base.txt\n--constraint=limits.txt\nsix\n")
    (tmp_path / "deps" / "base.txt").write_text("-rmore.txt\nidna\n-c ../limits.txt\n")
    (tmp_path / "deps" / "more.txt").write_text("attrs\n")
    (tmp_path / "limits.txt").write_text("idna<4\n-r deps/more.txt\n")

    requirements = read_requirements_file(tmp_path / "top.txt", root=tmp_path)

    assert requirements.lines == ("attrs", "idna", "six")
    assert [(one.file, one.lines) for one in requirements.constraints] == [
        ("deps/more.txt", ("attrs",)),
        ("limits.txt", ("idna<4",)),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-e .", ". holds none of pyproject.toml, setup.cfg, setup.py"),
        ("--editable=git+https://bob:pw@host/x", "a version control URL has no hash to pin"),
        ("-e six", "an editable requirement is a path"),
        ("./lib", "./lib is no folder with pyproject.toml, setup.cfg, setup.py"),
        ("../lib[extra]", "the path leads out of the repository"),
        ("/srv/six-1.0-py3-none-any.whl", "a built file of a path cannot be locked"),
        ("six-1.0-py3-none-any.whl", "a built file of a path cannot be locked"),
        ("lib/six", "lib/six is no folder"),
        ("file:///srv/six", "the path leads out of the repository"),
        ("six @ file:///srv/six", "the path leads out of the repository"),
        ("./lib ; os_name == 'nt'", "a path with a marker or an option is not supported"),
        ("git+https://bob:pw@host/x@main", "a version control URL has no hash to pin"),
        ("x @ git+ssh://git@host/pw", "a version control URL has no hash to pin"),
        ("https://host/six-1.0-py3-none-any.whl", "a URL is not a package of an index"),
        ("six @ https://bob:pw@host/six.whl", "a user name or password has no place"),
        ("six @ https://host/six-1.0.tar.gz", "a URL is not a package of an index"),
        ("--index-url https://bob:pw@host/simple", "--index-url names a package index"),
        ("--extra-index-url=https://bob:pw@host/", "--extra-index-url names a package index"),
        ("-ihttps://bob:pw@host/simple", "-i names a package index"),
        ("-f /srv/pw", "-f names a package index"),
        ("--trusted-host pw", "--trusted-host names a package index"),
        ("--pre", "the option --pre is not supported"),
        ("--no-binary :all:", "the option --no-binary is not supported"),
        ("six --config-settings=pw=1", "the option --config-settings of a requirement"),
        ("six=1", "Expected"),
        ("six ==", "Expected"),
        ("-r gone.txt", "gone.txt does not exist"),
        ("-r https://bob:pw@host/r.txt", "a requirements file from a URL may change unseen"),
        ("-r requirements.txt", "requirements.txt includes itself"),
    ],
)
def test_what_cannot_be_pinned_by_a_hash_is_refused_with_file_and_line(
    tmp_path: Path, line: str, problem: str
) -> None:
    (tmp_path / "requirements.txt").write_text(f"idna\n\n{line}\n")

    with pytest.raises(LockError) as caught:
        read_requirements_file(tmp_path / "requirements.txt", root=tmp_path)

    assert caught.value.what == "requirements.txt cannot be locked."
    assert caught.value.detail.startswith(f"requirements.txt:3: {problem}")
    assert "pw" not in str(caught.value)


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-e .\n-r b.txt\n")
    (tmp_path / "b.txt").write_text("six\n./lib\n-r a.txt\n")

    with pytest.raises(LockError) as caught:
        read_requirements_file(tmp_path / "a.txt", root=tmp_path)

    places = [line.split(": ")[0] for line in caught.value.detail.splitlines()]
    assert places == ["a.txt:1", "b.txt:2", "b.txt:3"]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"six # \xe9\n")

    with pytest.raises(LockError) as caught:
        read_requirements_file(tmp_path / "requirements.txt", root=tmp_path)

    assert caught.value.detail == "requirements.txt: cannot be read: it is not UTF-8"
