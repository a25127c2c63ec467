from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.environment.files import read_files
from pytest_flowrepro.environment.verify import unlike_record

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = "lib/python3.11/site-packages"


def recorded(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The site-packages of an environment with thing 1.0 and what virtualenv puts there."""
    files = {
        "thing/core.py": "value = 1\n",
        "thing/odd.txt": "odd",
        "../../../bin/thing": "#!/a/path",
        "../../../share/thing/table.txt": "1 2 3\n",
    }
    packages = tmp_path / PACKAGES
    for path, content in files.items():
        (packages / path).parent.mkdir(parents=True, exist_ok=True)
        (packages / path).write_text(content)
    (packages / "_virtualenv.pth").touch()
    rows = [f"{path},{recorded(content)},1" for path, content in files.items()]
    rows += ["thing-1.0.dist-info/RECORD,,", "thing/unhashed.txt,,", "short", ""]
    rows += [f"/etc/thing.conf,{recorded('x')},1", f"../../../../thing.conf,{recorded('x')},1"]
    rows += [f"thing/__pycache__/core.cpython-311.pyc,{recorded('x')},1", "thing/md5.txt,md5=0,1"]
    (packages / "thing-1.0.dist-info").mkdir()
    (packages / "thing-1.0.dist-info" / "RECORD").write_text("\n".join(rows))
    return packages


def differences(installed: Path) -> list[str]:
    environment = installed.parent.parent.parent
    ours = {f"{PACKAGES}/_virtualenv.pth"}
    return [str(one) for one in unlike_record(environment, read_files(environment), ours=ours)]


def test_what_was_installed_and_not_touched_is_as_recorded(installed: Path) -> None:
    assert differences(installed) == []


@pytest.mark.parametrize("path", ["thing/core.py", "../../../bin/thing", "thing/odd.txt"])
def test_another_content_is_told_with_both_hashes(installed: Path, path: str) -> None:
    expected = recorded((installed / path).read_text())
    (installed / path).write_text("edited")

    (told,) = differences(installed)

    shown = f"{PACKAGES}/{path}" if path.startswith("thing") else "bin/thing"
    assert told == f"thing: {shown}: expected {expected}, got {recorded('edited')}"


def test_a_missing_file_is_told(installed: Path) -> None:
    (installed / "../../../share/thing/table.txt").unlink()

    (told,) = differences(installed)

    assert told.startswith("thing: share/thing/table.txt: expected sha256=")
    assert told.endswith(", it is missing")


def test_a_file_of_nobody_is_told_where_python_would_import_it(installed: Path) -> None:
    (installed / "sitecustomize.py").touch()
    (installed.parent.parent.parent / "pyvenv.cfg").touch()

    assert differences(installed) == [f"{PACKAGES}/sitecustomize.py belongs to no package"]


@pytest.mark.parametrize("path", ["thing/unhashed.txt", "thing/md5.txt"])
def test_where_record_has_no_sha256_nothing_is_wrong(installed: Path, path: str) -> None:
    (installed / path).write_text("anything")

    assert differences(installed) == []
