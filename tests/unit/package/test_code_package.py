"""Which files belong to a flow, and the archive that carries them."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import socket
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.model import FlowSource, NamedFile
from pytest_flowrepro.package.code_package import (
    _Hashed,
    default_suffixes,
    extract_package,
    package_flow,
)
from pytest_flowrepro.support.errors import PackageError

if TYPE_CHECKING:
    from pytest_flowrepro.model import CodePackage

PYTHON = (".py", ".R", ".RDS")


class Project:
    """A folder with `flows/train.py`, and packages made of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.archive = root.parent / "code.tar"
        self.flow = FlowSource(file=root / "flows/train.py", name="TrainFlow", lineno=1, steps=())
        self.write("flows/train.py")

    def write(self, *names: str, text: str = "x = 1\n") -> None:
        for name in names:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    def link(self, name: str, target: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).symlink_to(target)

    def package(self, **changes: Any) -> CodePackage:
        arguments: dict[str, Any] = {
            "root": self.root,
            "named_files": (),
            "include": (),
            "suffixes": PYTHON,
            "destination": self.archive,
        }
        return package_flow(self.flow, **(arguments | changes))

    def named(self, name: str, place: str | None = None) -> NamedFile:
        return NamedFile(source=Path(os.path.normpath(self.root / name)), place=place)

    def paths(self, **changes: Any) -> list[str]:
        return [file.path for file in self.package(**changes).files]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


# --- what Metaflow would ship ---


def test_code_is_shipped_by_suffix_whatever_its_case(project: Project) -> None:
    project.write("flows/a.py", "flows/B.PY", "flows/model.r", "flows/sub/deep/c.py")
    project.write("flows/data.csv", "flows/README", "flows/a.pyc", "beside.py")
    assert project.paths() == ["B.PY", "a.py", "model.r", "sub/deep/c.py", "train.py"]


def test_hidden_files_are_shipped_only_when_their_name_is_a_suffix(project: Project) -> None:
    project.write("flows/.hidden.py", "flows/.env", "flows/.py", "flows/.git/hook.py")
    project.write("flows/.venv/lib.py", "flows/sub/.cache/x.py")
    assert project.paths() == [".py", "train.py"]
    assert project.paths(suffixes=(".py", ".env")) == [".env", ".py", "train.py"]


def test_folders_that_no_flow_is_made_of_are_left_out(project: Project) -> None:
    project.write("flows/__pycache__/x.py", "flows/__flowrepro__/x.py", "flows/node_modules/x.py")
    project.write("flows/env/pyvenv.cfg", "flows/env/lib/x.py")
    project.write("flows/conda/conda-meta/history", "flows/conda/x.py")
    project.write("flows/sub/cache/CACHEDIR.TAG", "flows/sub/cache/deep/x.py", "flows/sub/a.py")
    project.link("flows/linked", "env")
    assert project.paths() == ["sub/a.py", "train.py"]


def test_the_flow_is_packaged_whatever_its_suffix_or_folder(project: Project) -> None:
    project.write("flows/CACHEDIR.TAG", "flows/a.py")
    assert project.paths(suffixes=(".csv",)) == ["train.py"]
    assert project.paths() == ["a.py", "train.py"]


def test_linked_folders_and_files_are_followed(project: Project) -> None:
    project.write("shared/lib.py", "flows/real/a.py")
    project.link("flows/shared", "../shared")
    project.link("flows/alias", "real")
    project.link("flows/file.py", "../shared/lib.py")
    assert project.paths() == [
        "alias/a.py",
        "file.py",
        "real/a.py",
        "shared/lib.py",
        "train.py",
    ]


def test_a_loop_of_links_is_walked_once(project: Project) -> None:
    project.write("flows/sub/a.py")
    project.link("flows/sub/up", "..")
    assert project.paths() == ["sub/a.py", "sub/up/sub/a.py", "sub/up/train.py", "train.py"]


@pytest.mark.parametrize(
    ("env", "suffixes"),
    [
        ({}, (".py", ".R", ".RDS")),
        ({"METAFLOW_DEFAULT_PACKAGE_SUFFIXES": ".py,.csv"}, (".py", ".csv")),
        ({"METAFLOW_DEFAULT_PACKAGE_SUFFIXES": ""}, ("",)),
        ({"METAFLOW_PACKAGE_SUFFIXES": ".sql"}, (".py", ".R", ".RDS", ".sql")),
        (
            {"METAFLOW_PACKAGE_SUFFIXES": ".sql", "METAFLOW_DEFAULT_PACKAGE_SUFFIXES": ".py"},
            (".py", ".sql"),
        ),
    ],
)
def test_suffixes_of_an_environment(env: dict[str, str], suffixes: tuple[str, ...]) -> None:
    assert default_suffixes(env) == suffixes


def test_an_empty_suffix_ships_all_files_that_are_not_hidden(project: Project) -> None:
    project.write("flows/data.csv", "flows/.env")
    assert project.paths(suffixes=("",)) == ["data.csv", "train.py"]


# --- include, and the files that the flow names ---


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("data/*.csv", ["data/a.csv"]),
        ("data", ["data/a.csv", "data/sub/b.json"]),
        ("data/", ["data/a.csv", "data/sub/b.json"]),
        ("**/*.json", ["data/sub/b.json"]),
        ("../shared/*.csv", ["../shared/c.csv"]),
        ("../shared", ["../shared/c.csv"]),
        (".env", [".env"]),
    ],
)
def test_include(project: Project, pattern: str, paths: list[str]) -> None:
    project.write("flows/data/a.csv", "flows/data/sub/b.json", "flows/data/.hidden", "flows/.env")
    project.write("shared/c.csv", "flows/__flowrepro__/d.json", "flows/env/e.json")
    project.write("flows/env/pyvenv.cfg")
    assert project.paths(include=(pattern,)) == [*paths, "train.py"]


def test_include_and_the_walk_may_find_the_same_file(project: Project) -> None:
    project.write("flows/a.py")
    assert project.paths(include=("a.py", "../flows/*.py")) == ["a.py", "train.py"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("nothing/*.csv", "'nothing/*.csv' matches no file"),
        ("shared/*.csv", "write '../shared/*.csv'"),
        ("__flowrepro__/*", "matches no file"),
        ("empty", "matches no file"),
        ("", "matches no file"),
        ("/etc/passwd", "is absolute"),
        ("../../outside.csv", "outside.csv is outside"),
        ("../../*", "is outside"),
    ],
)
def test_patterns_that_cannot_be_meant(project: Project, pattern: str, message: str) -> None:
    project.write("shared/c.csv", "../outside.csv", "flows/__flowrepro__/manifest.json")
    (project.root / "flows/empty").mkdir()
    with pytest.raises(PackageError) as caught:
        project.paths(include=(pattern,))
    assert message in str(caught.value)


def test_files_that_the_flow_names(project: Project) -> None:
    project.write("flows/config.json", "data/rows.csv")
    named = (project.named("flows/config.json"), project.named("data/rows.csv"))
    assert project.paths(named_files=named) == ["../data/rows.csv", "config.json", "train.py"]


def test_a_named_file_may_be_named_by_its_real_path(project: Project, tmp_path: Path) -> None:
    project.write("flows/config.json")
    (tmp_path / "link").symlink_to("project")
    linked = Project(tmp_path / "link")
    named = (project.named("flows/config.json"), project.named("flows/config.json", "a.json"))
    assert linked.paths(named_files=named) == ["a.json", "config.json", "train.py"]


def test_a_file_that_a_mutator_adds_is_at_its_new_place_and_at_its_own(
    project: Project, tmp_path: Path
) -> None:
    project.write("shared/today.txt", text="shared\n")
    project.write("../outside.txt", "flows/taken.py")
    named = (
        project.named("shared/today.txt", "tariffs/today.txt"),
        project.named("../outside.txt", "../outside.txt"),
        project.named("shared/today.txt", "taken.py"),
        project.named("../made-for-the-package-and-gone.txt", "gone.txt"),
    )
    package = project.package(named_files=named)
    assert [file.path for file in package.files] == [
        "../outside.txt",
        "../shared/today.txt",
        "taken.py",
        "tariffs/today.txt",
        "train.py",
    ]
    extract_package(package, tmp_path / "copy")
    assert (tmp_path / "copy/flows/tariffs/today.txt").read_text() == "shared\n"
    assert (tmp_path / "copy/outside.txt").read_text() == "x = 1\n"
    assert (tmp_path / "copy/flows/taken.py").read_text() == "x = 1\n"


def test_a_mutator_cannot_put_a_file_outside_the_project(project: Project) -> None:
    project.write("flows/a.txt")
    with pytest.raises(PackageError, match=r"adds .*a\.txt to its package as '\.\./\.\./a\.txt'"):
        project.package(named_files=(project.named("flows/a.txt", "../../a.txt"),))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flows/gone.json", "gone.json: TrainFlow reads this file by default, and it does not"),
        ("../outside.csv", "is part of the code of TrainFlow, but is outside"),
        ("flows/folder", "is not a regular file"),
    ],
)
def test_named_files_that_cannot_be_packaged(project: Project, name: str, message: str) -> None:
    project.write("../outside.csv", "flows/folder/x.csv")
    with pytest.raises(PackageError) as caught:
        project.package(named_files=(project.named(name),))
    assert message in str(caught.value)


def test_a_flow_outside_the_root_has_its_own_folder_as_root(project: Project) -> None:
    package = project.package(root=project.root / "elsewhere")
    assert (package.root, package.flow) == (project.root / "flows", "train.py")


# --- a flow that is a link ---


def test_a_linked_flow_stays_a_link_and_includes_the_files_next_to_the_real_file(
    project: Project, tmp_path: Path
) -> None:
    project.write("survey/tide.py", "survey/datum.py", "survey/deep/names.py", "survey/notes.txt")
    project.link("flows/tide.py", "../survey/tide.py")
    project.flow = replace(project.flow, file=project.root / "flows/tide.py")
    package = project.package()
    assert [file.path for file in package.files] == [
        "../survey/datum.py",
        "../survey/deep/names.py",
        "../survey/tide.py",
        "tide.py",
        "train.py",
    ]
    assert {file.sha256 for file in package.files} == {hashlib.sha256(b"x = 1\n").hexdigest()}
    flow_file = extract_package(package, tmp_path / "copy")
    assert flow_file == tmp_path / "copy/flows/tide.py"
    assert flow_file.resolve() == tmp_path.resolve() / "copy/survey/tide.py"
    assert flow_file.read_text() == "x = 1\n"


def test_a_flow_in_a_linked_folder_stays_a_link_too(project: Project, tmp_path: Path) -> None:
    project.write("src/jobs/tide.py", "src/jobs/datum.py")
    project.link("jobs", "src/jobs")
    project.flow = replace(project.flow, file=project.root / "jobs/tide.py")
    package = project.package()
    assert [file.path for file in package.files] == [
        "../src/jobs/datum.py",
        "../src/jobs/tide.py",
        "datum.py",
        "tide.py",
    ]
    flow_file = extract_package(package, tmp_path / "copy")
    assert flow_file.resolve() == tmp_path.resolve() / "copy/src/jobs/tide.py"


def test_a_flow_that_is_linked_from_outside_is_copied(project: Project, tmp_path: Path) -> None:
    project.write("../elsewhere/tide.py", "../elsewhere/datum.py")
    project.link("flows/tide.py", "../../elsewhere/tide.py")
    project.flow = replace(project.flow, file=project.root / "flows/tide.py")
    package = project.package()
    assert [file.path for file in package.files] == ["tide.py", "train.py"]
    assert not extract_package(package, tmp_path / "copy").is_symlink()


# --- the archive ---


def test_the_archive_is_the_same_for_the_same_files(project: Project, tmp_path: Path) -> None:
    project.write("flows/a.py", "flows/sub/é" + "x" * 150 + ".py", "shared/b.csv")
    os.utime(project.root / "flows/a.py", (1, 1))
    (project.root / "flows/a.py").chmod(0o600)
    first = project.package(include=("../shared/b.csv",))
    content = first.archive.read_bytes()
    other = Project(tmp_path / "copy")
    other.write("shared/b.csv", "flows/sub/é" + "x" * 150 + ".py", "flows/a.py")
    second = other.package(include=("../shared/b.csv",))
    assert second.archive.read_bytes() == content
    assert second.files == first.files
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
        (0, 0, 0, "", "", 0o644)
    }


def test_files_are_described_from_the_flows_folder_and_archived_from_the_root(
    project: Project,
) -> None:
    project.write("shared/b.csv", text="1,2\n")
    package = project.package(include=("../shared/b.csv",))
    assert package.flow == "flows/train.py"
    assert {file.path: file.sha256 for file in package.files} == {
        "../shared/b.csv": hashlib.sha256(b"1,2\n").hexdigest(),
        "train.py": hashlib.sha256(b"x = 1\n").hexdigest(),
    }
    with tarfile.open(package.archive) as archive:
        assert archive.getnames() == ["flows/train.py", "shared/b.csv"]


def test_extracted_files_are_what_was_packaged(project: Project, tmp_path: Path) -> None:
    project.write("flows/run.sh", "flows/sub/a.py", "shared/b.csv")
    (project.root / "flows/run.sh").chmod(0o755)
    package = project.package(include=("run.sh", "../shared/b.csv"))
    flow_file = extract_package(package, tmp_path / "copy")
    assert flow_file == tmp_path / "copy/flows/train.py"
    copied = {file for file in (tmp_path / "copy").rglob("*") if file.is_file()}
    assert {file.relative_to(tmp_path / "copy").as_posix() for file in copied} == {
        "flows/run.sh",
        "flows/sub/a.py",
        "flows/train.py",
        "shared/b.csv",
    }
    assert {file.read_text() for file in copied} == {"x = 1\n"}
    assert os.access(tmp_path / "copy/flows/run.sh", os.X_OK)
    assert not os.access(flow_file, os.X_OK)
    assert abs(flow_file.stat().st_mtime - time.time()) < 60


def link(name: str, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, to
    return info


def pipe(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.FIFOTYPE
    return info


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../evil.py"),
        tarfile.TarInfo("a/../../evil.py"),
        link("a.py", "../evil.py"),
        link("a.py", "/etc/hostname"),
        pipe("evil.py"),
    ],
    ids=["above", "above, by a folder", "a link above", "an absolute link", "a pipe"],
)
def test_an_archive_cannot_write_outside_the_folder(
    project: Project, tmp_path: Path, member: tarfile.TarInfo
) -> None:
    package = project.package()
    with tarfile.open(package.archive, "w") as archive:
        archive.addfile(member, io.BytesIO())
    with pytest.raises(PackageError, match="cannot be unpacked here"):
        extract_package(package, tmp_path / "copy")
    assert not [path for path in tmp_path.rglob("*") if path.name in {"evil.py", "a.py"}]


# --- what may stand in the tree ---


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket must be short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def make_dangling(path: Path) -> None:
    path.symlink_to("gone.py")


def make_own_loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_fifo, "bad.py is not a regular file"),
        (make_socket, "bad.py is not a regular file"),
        (make_dangling, "bad.py is a dangling symlink"),
        (make_own_loop, "bad.py is a dangling symlink"),
    ],
)
def test_a_pipe_or_socket_that_is_named_like_code_is_an_error(
    project: Project, make: Any, message: str
) -> None:
    make(project.root / "flows/bad.py")
    with pytest.raises(PackageError) as caught:
        project.package()
    assert message in str(caught.value)
    assert not project.archive.exists()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("make", [make_fifo, make_socket, make_dangling])
def test_a_pipe_or_socket_that_is_not_named_like_code_is_ignored(
    project: Project, make: Any
) -> None:
    make(project.root / "flows/pipe")
    assert project.paths() == ["train.py"]


def test_a_name_that_is_not_utf8(project: Project) -> None:
    (project.root / "flows" / os.fsdecode(b"caf\xe9.py")).write_text("")
    with pytest.raises(PackageError, match=r"caf\\xe9\.py: the file's name is not UTF-8"):
        project.package()


def test_an_unreadable_file_is_an_error_and_an_unreadable_folder_is_passed_over(
    project: Project,
) -> None:
    project.write("flows/closed/a.py", "flows/secret.py")
    (project.root / "flows/closed").chmod(0)
    (project.root / "flows/secret.py").chmod(0)
    if os.access(project.root / "flows/secret.py", os.R_OK):
        pytest.skip("this user reads everything")
    try:
        with pytest.raises(PackageError, match=r"secret\.py cannot be read: Permission denied"):
            project.package()
        (project.root / "flows/secret.py").chmod(0o600)
        assert project.paths() == ["secret.py", "train.py"]
    finally:
        (project.root / "flows/closed").chmod(0o700)


class Failing(io.BytesIO):
    def read(self, _: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (io.BytesIO(b"short"), "was truncated while it was packaged"),
        (Failing(), "cannot be read: Input/output error"),
    ],
)
def test_a_source_that_fails_while_it_is_packaged(file: io.BytesIO, message: str) -> None:
    with pytest.raises(PackageError, match=message):
        archived(_Hashed(file, Path("train.py")), size=100)


def archived(content: _Hashed, *, size: int) -> bytes:
    """The member that a tar has after `content` was added to it."""
    written = io.BytesIO()
    info = tarfile.TarInfo("train.py")
    info.size = size
    with tarfile.open(fileobj=written, mode="w") as archive:
        archive.addfile(info, content)
    with tarfile.open(fileobj=io.BytesIO(written.getvalue())) as archive:
        member = archive.extractfile("train.py")
        assert member is not None
        return member.read()


def test_a_digest_is_of_the_bytes_that_were_archived() -> None:
    content = _Hashed(io.BytesIO(b"before, and what was appended since"), Path("train.py"))
    assert archived(content, size=6) == b"before"
    assert content.hexdigest == hashlib.sha256(b"before").hexdigest()


def test_an_archive_that_cannot_be_written(project: Project, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot be packed here"):
        project.package(destination=tmp_path / "no-folder" / "code.tar")
