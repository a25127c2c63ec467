from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest
from pip._internal.req.req_file import get_file_content
from requirement_lines import requirement_lines

from pytest_flowrepro.lock.sources.requirements_txt import (
    decode_requirements,
    read_requirements_file,
)
from pytest_flowrepro.support.errors import LockError

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
        ("deps/more.txt", requirement_lines("attrs")),
        ("limits.txt", requirement_lines("idna<4")),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-e .", ". does not have any of pyproject.toml, setup.cfg, setup.py"),
        ("--editable=git+https://bob:pw@host/x", "a version control URL has no hash to pin"),
        ("-e six", "an editable requirement is a path"),
        ("./lib", "./lib is not a folder with pyproject.toml, setup.cfg, setup.py"),
        ("../lib[extra]", "the path is outside of the repository"),
        ("/srv/six-1.0-py3-none-any.whl", "a built file of a path cannot be locked"),
        ("six-1.0-py3-none-any.whl", "a built file of a path cannot be locked"),
        ("lib/six", "lib/six is not a folder"),
        ("file:///srv/six", "the path is outside of the repository"),
        ("six @ file:///srv/six", "the path is outside of the repository"),
        ("./lib ; os_name == 'nt'", "a path with a marker or an option is not supported"),
        ("git+https://bob:pw@host/x@main", "a version control URL has no hash to pin"),
        ("x @ git+ssh://git@host/pw", "a version control URL has no hash to pin"),
        ("https://host/six-1.0-py3-none-any.whl", "a URL is not a package of an index"),
        ("six @ https://bob:pw@host/six.whl", "a user name or password does not belong"),
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
        ("-r https://bob:pw@host/r.txt", "a requirements file at a URL may change without notice"),
        ("-r requirements.txt", "requirements.txt includes itself"),
    ],
)
def test_what_cannot_be_pinned_by_a_hash_is_refused_with_file_and_line(
    tmp_path: Path, line: str, problem: str
) -> None:
    (tmp_path / "requirements.txt").write_text(f"idna\n\n{line}\n")

    with pytest.raises(LockError) as caught:
        read_requirements_file(tmp_path / "requirements.txt", root=tmp_path)

    assert caught.value.what == "requirements.txt cannot be locked"
    assert caught.value.detail.startswith(f"requirements.txt:3: {problem}")
    assert "pw" not in str(caught.value)


def test_every_problem_of_every_file_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-e .\n-r b.txt\n")
    (tmp_path / "b.txt").write_text("six\n./lib\n-r a.txt\n")

    with pytest.raises(LockError) as caught:
        read_requirements_file(tmp_path / "a.txt", root=tmp_path)

    places = [line.split(": ")[0] for line in caught.value.detail.splitlines()]
    assert places == ["a.txt:1", "b.txt:2", "b.txt:3"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x0c", "\u2028"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_every_encoding_and_line_ending_that_pip_reads_is_read(
    tmp_path: Path, mark: bytes, encoding: str, newline: str
) -> None:
    lines = ["# für uns", "six==1.17.0 \\", "    --hash=sha256:00  # é", "", "-r more.txt", "idna"]
    text = newline.join(lines) + newline
    (tmp_path / "more.txt").write_bytes(mark + f"attrs{newline}".encode(encoding))
    file = tmp_path / "requirements.txt"
    file.write_bytes(mark + text.encode(encoding))

    assert read_requirements_file(file, root=tmp_path).lines == ("six==1.17.0", "attrs", "idna")
    _, content = get_file_content(str(file), session=None)  # type: ignore[arg-type]
    assert decode_requirements(file.read_bytes()) == content


@pytest.mark.parametrize(
    "comment",
    ["# -*- coding: latin-1 -*-", "# vim: set fileencoding=cp1252 :", "# deps\n# coding=latin-1"],
)
def test_an_encoding_that_the_file_names_is_used(tmp_path: Path, comment: str) -> None:
    file = tmp_path / "requirements.txt"
    file.write_bytes(f"{comment}\nsix  # für\n".encode("latin-1"))

    assert read_requirements_file(file, root=tmp_path).lines == ("six",)
    _, content = get_file_content(str(file), session=None)  # type: ignore[arg-type]
    assert decode_requirements(file.read_bytes()) == content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"six # \xe9\n", "it is not UTF-8; save it as UTF-8, or name its encoding"),
        (b"\xff\xfes", "it is not UTF-16-LE; save it as UTF-8"),
        (b"# coding: ascii\nsix # \xe9\n", "it is not ascii; save it as UTF-8"),
        (b"# coding: utf-7000\nsix\n", "its encoding UTF-7000 is unknown to Python"),
    ],
)
def test_a_file_that_cannot_be_decoded_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "requirements.txt").write_bytes(content)

    with pytest.raises(LockError) as caught:
        read_requirements_file(tmp_path / "requirements.txt", root=tmp_path)

    assert caught.value.detail.startswith(f"requirements.txt: cannot be read: {reason}")


@pytest.mark.parametrize(
    ("line", "variable"),
    [
        ("six==${SIX_VERSION}", "${SIX_VERSION}"),
        ("${PACKAGE}", "${PACKAGE}"),
        ("-r ${NAME}.txt", "${NAME}"),
        ("-c ${NAME}.txt", "${NAME}"),
        ("six @ https://${TOKEN}@host/six-1.0-py3-none-any.whl", "${TOKEN}"),
        ("-e ${HOME}/lib", "${HOME}"),
    ],
)
def test_a_variable_is_named_and_not_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, variable: str
) -> None:
    monkeypatch.setenv(variable.strip("${}"), "1.16.0")
    (tmp_path / "requirements.txt").write_text(f"idna\n{line}\n")

    with pytest.raises(LockError) as caught:
        read_requirements_file(tmp_path / "requirements.txt", root=tmp_path)

    assert caught.value.detail == (
        f"requirements.txt:2: the variable {variable} is not expanded, because a lock must not "
        "depend on environment variables; write the value itself"
    )


def test_an_index_with_a_variable_is_refused_as_an_index(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("--index-url https://${TOKEN}@host/simple\n")

    with pytest.raises(LockError, match="--index-url names a package index"):
        read_requirements_file(tmp_path / "requirements.txt", root=tmp_path)
