"""Installs old and new wheels of PyPI that are in real use: `python benchmarks/wheels.py`.

Each wheel is downloaded once and goes into an environment of its own, by uv and by pip, as a check
installs it. Then every file that the wheel brings has to be there with its bytes, and the manifest
of both has to be the same. Prints what kinds of wheels these were, and each that failed. What pip
refuses for its metadata is counted; uv has to install it.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from packaging.utils import parse_wheel_filename

from pytest_flowrepro.environment import (
    InstallRequest,
    VirtualenvBuilder,
    Wheelhouse,
    site_packages,
)
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Requirements
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import BuiltEnvironment, PypiLock

PINS = Path(__file__).with_name("wheels.txt")
INSTALLERS: tuple[Literal["uv", "pip-tools"], ...] = ("uv", "pip-tools")
REFUSED = "has metadata that pip does not read"
_OWN = re.compile(r"\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$")


@dataclass(frozen=True)
class Wheel:
    file: Path

    @property
    def kinds(self) -> Iterator[str]:
        """What is unusual about it."""
        with zipfile.ZipFile(self.file) as archive:
            names = archive.namelist()
            info = next(n.partition("/")[0] for n in names if re.match(r"[^/]+\.dist-info/", n))
            record = archive.read(f"{info}/RECORD").decode("utf-8", "replace")
            about = archive.read(f"{info}/WHEEL").decode("utf-8", "replace")
            metadata = archive.read(f"{info}/METADATA").decode("utf-8", "replace")
        rows = [row for row in csv.reader(record.splitlines()) if len(row) > 1]
        unhashed = [row for row in rows if not row[1] and not row[0].endswith(("RECORD", ".jws"))]
        recorded = {row[0] for row in rows}
        version = re.search(r"^Metadata-Version: (\S+)", metadata, re.MULTILINE)
        yield f"Metadata-Version {version[1] if version else 'missing'}"
        if any(".data/" in name for name in names):
            yield "files below *.data/"
        if unhashed:
            yield "entries of RECORD without a hash"
        if any(name not in recorded for name in names if not name.endswith("/")):
            yield "files that RECORD does not name"
        if any(not row[1].startswith(("sha256=", "")) for row in rows):
            yield "hashes other than SHA-256"
        if any(PurePosixPath(name).name in {"metadata.json", "pydist.json"} for name in names):
            yield "metadata.json"
        if "DESCRIPTION.rst" in "".join(names):
            yield "DESCRIPTION.rst"
        if f"{info}/RECORD.jws" in names:
            yield "RECORD.jws"
        if "bdist_wheel" not in about:
            yield "not made by bdist_wheel"
        if "none-any" not in self.file.name:
            yield "compiled"

    @property
    def lock(self) -> PypiLock:
        name, version, _, _ = parse_wheel_filename(self.file.name)
        return parse_pypi(f"{name}=={version} --hash=sha256:{self.file.parent.name}\n")

    def missing(self, built: BuiltEnvironment) -> list[str]:
        """Return its files that are not installed as they are."""
        packages, wrong = site_packages(built.path), []
        with zipfile.ZipFile(self.file) as archive:
            for name in archive.namelist():
                place = self._place(name, packages, built.path)
                if place is not None and place.read_bytes() != archive.read(name):
                    wrong.append(name)
        return wrong

    @staticmethod
    def _place(name: str, packages: Path, prefix: Path) -> Path | None:
        """None for what installers write themselves, and where a place is theirs to choose."""
        if name.endswith("/") or _OWN.search(name):
            return None
        top, _, rest = name.partition("/")
        if not top.endswith(".data"):
            return packages / name
        kind, _, path = rest.partition("/")
        places = {"purelib": packages, "platlib": packages, "data": prefix}
        return places[kind] / path if kind in places else None


def download(pin: str, store: Path) -> Wheel:
    """Return the wheel that pip takes, at its place in a wheelhouse."""
    name, _, version = pin.partition("==")
    for file in store.glob("sha256/*/*.whl"):
        found, its_version, _, _ = parse_wheel_filename(file.name)
        if found == re.sub(r"[-_.]+", "-", name).lower() and str(its_version) == version:
            return Wheel(file)
    with tempfile.TemporaryDirectory(dir=store) as folder:
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        argv += ["--only-binary", ":all:", "--dest", folder, pin]
        subprocess.run(argv, check=True)
        (file,) = Path(folder).iterdir()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        place = store / "sha256" / digest / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        return Wheel(file.rename(place))


def failures(wheel: Wheel, store: Path, folder: Path) -> Iterator[str]:
    manifests = []
    for installer in INSTALLERS:
        try:
            builder = VirtualenvBuilder(
                lock=wheel.lock,
                requirements=Requirements(requirements=(), source="wheels.txt"),
                python=Path(sys.executable),
            )
            request = InstallRequest(
                name="base",
                installer=installer,
                timeout=300,
                wheelhouse=Wheelhouse(location=str(store)),
            )
            built = builder.build(request, folder / installer)
        except FlowReproError as error:
            if installer == "pip-tools" and REFUSED in error.what:
                continue
            yield f"{installer}: {error}"
            continue
        manifests.append(built.manifest.packages)
        yield from (f"{installer}: {name} differs" for name in wheel.missing(built))
    if len(set(manifests)) > 1:
        yield f"the manifests differ: {manifests}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pins", nargs="*", help="NAME==VERSION (default: all of wheels.txt)")
    parser.add_argument("--keep", type=Path, help="a folder that keeps what is downloaded")
    options = parser.parse_args()
    pins = options.pins or PINS.read_text(encoding="utf-8").split()
    kinds: Counter[str] = Counter()
    size, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="flowrepro-wheels-") as scratch:
        store = options.keep or Path(scratch, "store")
        store.mkdir(parents=True, exist_ok=True)
        for pin in pins:
            wheel = download(pin, store.absolute())
            size += wheel.file.stat().st_size
            kinds.update(wheel.kinds)
            found = list(failures(wheel, store.absolute(), Path(scratch)))
            failed += bool(found)
            for line in found:
                print(f"{pin}: {line}", flush=True)
    print(f"{len(pins)} wheels, {size / 1e6:.0f} MB, {failed} failed; among them")
    for kind, count in sorted(kinds.items()):
        print(f"  {count:4} {kind}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
