"""Wheels of every age: each kind was found among wheels of PyPI that are in real use."""

from __future__ import annotations

import contextlib
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest
from environments import build_new_environment
from local_index import wheel

from pytest_flowrepro.environment import InstallRequest
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_index import LocalIndex

    from pytest_flowrepro.model import BuiltEnvironment

pytestmark = pytest.mark.slow

Tool: TypeAlias = Literal["uv", "pip-tools"]
TOOLS: tuple[Tool, ...] = ("uv", "pip-tools")
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True)
class Odd:
    """What is other than in a wheel of today; `{m}` is the module, `{i}` its dist-info folder."""

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    metadata: bytes | None = None
    """Of METADATA, from its version on."""
    record: str | None = None
    refused_by_pip: bool = False

    def packed(self, name: str) -> tuple[str, bytes]:
        module = name.replace("-", "_")
        info, table = f"{module}-1.0.dist-info", f"{module}-1.0.data/data/share/{name}.txt"
        filename, data = wheel(name, "1.0", files={table: "1 2 3\n"})
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files: dict[str, bytes | None] = {one: archive.read(one) for one in archive.namelist()}
        for path, content in self.files.items():
            files[path.format(m=module, i=info)] = content
        if self.metadata is not None:
            about = f"Name: {name}\nVersion: 1.0\n".encode()
            files[f"{info}/METADATA"] = b"Metadata-Version: " + self.metadata + about
        if self.record is not None:
            files[f"{info}/RECORD"] = self.record.format(m=module, i=info, table=table).encode()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, one in files.items():
                if one is not None:
                    archive.writestr(path, one)
        return filename, packed.getvalue()


ODD = {
    "data-hashed-as-it-was-elsewhere": Odd(record="{m}.py,sha256=AAAA,1\n{table},sha256=AAAA,6\n"),
    "record-without-hashes": Odd(record="{m}.py,,\n{i}/METADATA,,\n"),
    "record-with-md5": Odd(record="{m}.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,\n"),
    "record-with-crlf": Odd({"a,b.txt": b"x"}, record='{m}.py,,\r\n"a,b.txt",,\r\n'),
    "record-empty": Odd(record=""),
    "record-names-what-is-not-there": Odd(record="{m}.py,,\nlost.py,sha256=AAAA,1\n"),
    "record-jws": Odd({"{i}/RECORD.jws": b"{}", "{i}/metadata.json": b"{}"}),
    "name-outside-ascii": Odd({"\xe4.txt": b"y"}),
    "metadata-1-1": Odd(metadata=b"1.1\nRequires: os\n"),
    "metadata-latin-1": Odd(metadata=b"2.0\nAuthor: J\xe9r\xf4me\n", refused_by_pip=True),
    "requirements-before-pep-508": Odd(
        metadata=b"2.0\nRequires-Dist: six (>=1.*)\nRequires-Dist: other (>dev)\n",
        refused_by_pip=True,
    ),
    "wheel-without-tag": Odd({"{i}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"}),
    "wheel-1-9": Odd({"{i}/WHEEL": WHEEL.replace("1.0", "1.9").encode()}),
    "wheel-with-crlf": Odd({"{i}/WHEEL": WHEEL.replace("\n", "\r\n").encode()}),
    "egg-info": Odd({"{m}.egg-info/PKG-INFO": b"Name: other\n"}),
    "bytecode": Odd({"__pycache__/{m}.cpython-311.pyc": b"", "{m}.pyc": b""}),
}


def build(tool: Tool, lock: str) -> BuiltEnvironment:
    return build_new_environment(
        parse_pypi(lock),
        InstallRequest(name="base", installer=tool, timeout=120),
        requirements=(),
        folder=Path.cwd() / tool,
    )


def test_odd_wheels_are_installed_alike_by_both_tools(index: LocalIndex, tmp_path: Path) -> None:
    files = {kind: odd.packed(kind) for kind, odd in ODD.items()}
    for file in files.values():
        index.add(file)
    names = {kind: name for kind, (name, _) in files.items()}
    readable = [names[kind] for kind, odd in ODD.items() if not odd.refused_by_pip]
    by_uv = build("uv", index.lock(*names.values()))
    by_pip = build("pip-tools", index.lock(*readable))

    for built in (by_uv, by_pip):
        for package in built.manifest.packages:
            (module,) = built.path.rglob(f"{package.name.replace('-', '_')}.py")
            assert "VERSION" in module.read_text()
            assert (built.path / "share" / f"{package.name}.txt").read_text() == "1 2 3\n"
    packages = {one.name: one for one in by_uv.manifest.packages}
    assert packages.keys() == ODD.keys()
    for package in by_pip.manifest.packages:
        assert package == packages[package.name], package.name

    # What pip refuses alone is not in the cache: uv downloads it for each environment.
    for name in readable:
        index.missing.add(name)
    assert build("uv", index.lock(*names.values())).manifest == by_uv.manifest
    cached = {file.name for file in (tmp_path / "XDG_CACHE_HOME").rglob("*.whl")}
    assert cached == set(readable)


@pytest.mark.parametrize("kind", [kind for kind, odd in ODD.items() if odd.refused_by_pip])
def test_a_wheel_that_pip_refuses_is_an_error_that_names_it_and_what_to_use(
    index: LocalIndex, kind: str
) -> None:
    name, data = ODD[kind].packed(kind)
    index.add((name, data))
    with pytest.raises(EnvironmentBuildError, match="pip cannot read the metadata of") as e:
        build("pip-tools", index.lock(name))
    assert kind.replace("-", "_") in e.value.what.replace("-", "_")
    assert "--flow-repro-installer=uv" in e.value.hint


BROKEN = {
    "no-record": Odd({"{i}/RECORD": None}),
    "no-metadata": Odd({"{i}/METADATA": None}),
    "no-version": Odd({"{i}/METADATA": b"Metadata-Version: 2.1\nName: no-version\n"}),
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("kind", BROKEN)
def test_a_wheel_that_cannot_be_installed_is_an_error(
    tool: Tool, index: LocalIndex, kind: str
) -> None:
    name, data = BROKEN[kind].packed(kind)
    index.add((name, data))
    with pytest.raises(EnvironmentBuildError) as caught:
        build(tool, index.lock(name))
    assert "Traceback" not in str(caught.value)
    assert caught.value.detail


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_written_outside_the_environment(tool: Tool, index: LocalIndex) -> None:
    name, data = Odd({f"{'../' * 5}outside.py": b""}).packed("gamma")
    index.add((name, data))
    with contextlib.suppress(EnvironmentBuildError):
        build(tool, index.lock(name))
    assert not list(Path.cwd().parent.rglob("outside.py"))
