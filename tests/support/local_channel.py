"""A conda channel on disk, with packages made by hand and a Python that runs.

With it the tests of conda environments run the real rattler, and need no network. The layout is
that of conda's channels: a folder for each platform with a `repodata.json`, and `.conda` archives
(a zip of two zstd tars) whose `info/` has `index.json` and `paths.json`. The Python is the one
that runs the tests.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from packaging.tags import sys_tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_flowrepro.support.strict_json import Json

    Content: TypeAlias = bytes | Path
    """Of a file in a package; a path names a file that is packaged as it is, or a symlink's."""

VERSION = platform.python_version()

PLACEHOLDER = "/opt/where_it_was_built_placehold_placehold_placehold_placehold_placehold"
"""Where a file of a package has this, there stands the prefix once it is installed."""

_LEFT_OUT = {"site-packages", "test", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip"}
_LEFT_OUT |= {"__pycache__", "pydoc_data", "distutils", "unittest"}


def this_platform() -> str:
    """conda's name for this machine: `linux-64`."""
    system = "osx" if sys.platform == "darwin" else "linux"
    machine = platform.machine()
    return f"{system}-{'64' if machine == 'x86_64' else machine}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    folder: Path
    repodata: dict[str, dict[str, Json]] = field(default_factory=dict)
    """Platform -> file name -> what the channel says of it."""

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def add(
        self,
        name: str,
        version: str,
        *,
        depends: Sequence[str] = ("python",),
        files: Mapping[str, Content] | None = None,
        build: str = "0",
        subdir: str = "noarch",
        noarch: Literal["python", "generic"] | None = "python",
        timestamp: int = 1_700_000_000_000,
        console_script: str | None = None,
    ) -> Path:
        """The archive of a package that has one module, `<name>.py`, unless `files` are given.

        `timestamp` is in milliseconds since the epoch. Only what is `noarch="python"` is put into
        the Python that is there, whichever it is, and gets its `console_script`.
        """
        module = f"site-packages/{name.replace('-', '_')}.py"
        if files is None:
            files = {
                module: f"VERSION = {version!r}\n\n\ndef main():\n    print(VERSION)\n".encode()
            }
        index: dict[str, Json] = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": 0,
            "depends": list(depends),
            "subdir": subdir,
            "timestamp": timestamp,
            **({"noarch": noarch} if noarch else {}),
        }
        scripts = [console_script] if console_script else []
        link: dict[str, Json] = {"type": noarch, "entry_points": [*scripts]}
        about = json.dumps({"noarch": link, "package_metadata_version": 1}).encode()
        info = {"info/link.json": about} if noarch == "python" else {}
        archive = self.folder / subdir / f"{name}-{version}-{build}.conda"
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.write_bytes(_conda_archive(archive.stem, index, files, info))
        self.index(archive, index)
        return archive

    def index(self, archive: Path, index: Mapping[str, Json]) -> None:
        """Write what the archive holds now into the channel's repodata."""
        content = archive.read_bytes()
        self.repodata.setdefault(archive.parent.name, {})[archive.name] = {
            **index,
            "sha256": hashlib.sha256(content).hexdigest(),
            "md5": hashlib.md5(content).hexdigest(),
            "size": len(content),
        }
        self.write()

    def write(self) -> None:
        for subdir in {"noarch", this_platform(), *self.repodata}:
            document = {
                "info": {"subdir": subdir},
                "packages": {},
                "packages.conda": self.repodata.get(subdir, {}),
                "repodata_version": 1,
            }
            (self.folder / subdir).mkdir(parents=True, exist_ok=True)
            (self.folder / subdir / "repodata.json").write_text(json.dumps(document), "utf-8")

    def add_python(self, version: str = VERSION) -> Path:
        """The Python that runs the tests, said to be of this version."""
        tag = next(tag.interpreter for tag in sys_tags())
        return self.add(
            "python",
            version,
            depends=("tzdata",),
            files=_python_files(),
            build=f"0_{tag}",
            subdir=this_platform(),
            noarch=None,
        )

    def add_metaflows_own(self, python: str = VERSION) -> None:
        """What every conda environment of Metaflow's has: Python, pip, and the real requests."""
        self.add_python(python)
        zone = {"share/zoneinfo/UTC": b"TZif2"}
        self.add("tzdata", "2024a", depends=(), files=zone, noarch="generic")
        self.add("pip", "24.0", depends=("python", "setuptools", "wheel"))
        self.add("setuptools", "69.0")
        self.add("wheel", "0.42")
        needed = ("certifi", "charset-normalizer", "idna", "urllib3")
        self.add_installed("requests", depends=("python", *needed))
        for name in needed:
            self.add_installed(name)

    def add_installed(self, name: str, *, depends: Sequence[str] = ("python",)) -> Path:
        """A distribution of the environment that runs the tests, as a package of this platform."""
        found = distribution(name)
        place = f"lib/python{sysconfig.get_config_var('py_version_short')}/site-packages"
        files: dict[str, Content] = {
            f"{place}/{file}": Path(str(file.locate()))
            for file in found.files or ()
            if not str(file).startswith("..") and file.suffix != ".pyc"
        }
        return self.add(
            name, found.version, depends=depends, files=files, subdir=this_platform(), noarch=None
        )


@cache
def _python_files() -> dict[str, Content]:
    """The interpreter and the standard library of the machine, less what no flow needs."""
    short = sysconfig.get_config_var("py_version_short")
    library = Path(sysconfig.get_path("stdlib"))
    executable = Path(sys.base_prefix, "bin", f"python{short}").resolve()
    files: dict[str, Content] = {
        f"bin/python{short}": executable,
        "bin/python": Path(f"python{short}"),
        f"lib/python{short}/site-packages/README.txt": b"",
    }
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        shared = sysconfig.get_config_var("INSTSONAME")
        files[f"lib/{shared}"] = Path(sysconfig.get_config_var("LIBDIR"), shared)
    for folder, folders, names in os.walk(library):
        folders[:] = [one for one in folders if one not in _LEFT_OUT and "config-" not in one]
        place = f"lib/python{short}" / Path(folder).relative_to(library)
        files |= {str(place / name): Path(folder, name) for name in names}
    return files


def _conda_archive(
    stem: str, index: Mapping[str, Json], files: Mapping[str, Content], info: Mapping[str, Content]
) -> bytes:
    paths = [_path_entry(path, content) for path, content in sorted(files.items())]
    about = {
        "info/index.json": json.dumps(index).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
        **info,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{stem}.tar.zst", _zstd(_tar(files))),
            (f"info-{stem}.tar.zst", _zstd(_tar(about))),
        ):
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _path_entry(path: str, content: Content) -> dict[str, Json]:
    if isinstance(content, Path) and not content.is_absolute():
        return {"_path": path, "path_type": "softlink"}
    data = content if isinstance(content, bytes) else content.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    rewritten: dict[str, Json] = {"prefix_placeholder": PLACEHOLDER, "file_mode": "text"}
    return {
        "_path": path,
        "path_type": "hardlink",
        "sha256": sha256,
        "size_in_bytes": len(data),
        **(rewritten if PLACEHOLDER.encode() in data else {}),
    }


def _tar(files: Mapping[str, Content]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            if isinstance(content, Path) and not content.is_absolute():
                entry.type, entry.linkname = tarfile.SYMTYPE, str(content)
                tar.addfile(entry)
                continue
            data = content if isinstance(content, bytes) else content.read_bytes()
            entry.size = len(data)
            entry.mode = 0o755 if path.startswith("bin/") or ".so" in path else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _zstd(data: bytes) -> bytes:
    """A zstd frame that stores its content (RFC 8878): nothing here can compress."""
    return b"".join(_zstd_parts(data))


def _zstd_parts(data: bytes) -> Iterator[bytes]:
    single_segment_with_8_byte_size = 0b1110_0000
    yield (0xFD2FB528).to_bytes(4, "little") + bytes([single_segment_with_8_byte_size])
    yield len(data).to_bytes(8, "little")
    size = 128 * 1024
    for start in range(0, max(len(data), 1), size):
        block = data[start : start + size]
        last = start + size >= len(data)
        yield (len(block) << 3 | last).to_bytes(3, "little") + block


def changed_files(prefix: Path) -> tuple[str, ...]:
    """The files of the packages that are gone, or have another content than they were installed
    with; relative to the prefix, sorted.
    """
    return tuple(
        sorted(
            entry["_path"]
            for file in (prefix / "conda-meta").glob("*.json")
            for entry in json.loads(file.read_text(encoding="utf-8"))["paths_data"]["paths"]
            if not _as_installed(prefix / entry["_path"], entry)
        )
    )


def _as_installed(file: Path, entry: Mapping[str, Any]) -> bool:
    wanted = entry.get("sha256_in_prefix") or entry.get("sha256")
    if wanted is None or file.is_symlink():  # a link's hash would be that of another file
        return file.exists()
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == str(wanted)
    except OSError:
        return False
