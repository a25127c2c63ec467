"""Which distribution brings which module: `environment/module_owners.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.environment import Provided, provided_by

if TYPE_CHECKING:
    from pathlib import Path


def install(
    environment: Path, name: str, *files: str, requires: str = "", script: str = ""
) -> None:
    """What an installer leaves of a distribution, as far as it is read."""
    folder = environment / "lib" / "python3.11" / "site-packages" / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    required = f"Requires-Dist: {requires}\n" if requires else ""
    (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{required}")
    (folder / "RECORD").write_text("".join(f"{file},sha256=abc,3\n" for file in files))
    if script:
        (folder / "entry_points.txt").write_text(
            f"[console_scripts]\nodd line\n{script} = a:main\n"
        )


@pytest.fixture
def provided(tmp_path: Path) -> Provided:
    install(tmp_path, "PyYAML", "yaml/__init__.py", "_yaml/__init__.py", "../../../bin/x.py")
    install(tmp_path, "six", "six.py", "__pycache__/six.cpython-311.pyc", "six-1.0.dist-info/x.py")
    install(tmp_path, "cffi", "_cffi_backend.cpython-311-x86_64-linux-gnu.so", "cffi/api.py")
    install(tmp_path, "google_auth", "google/auth/__init__.py", "google/auth/jwt.py")
    install(tmp_path, "google_cloud_storage", "google/cloud/storage/__init__.py")
    install(tmp_path, "google_cloud_core", "google/cloud/client.py")
    install(tmp_path, "opencv_python", "cv2/__init__.py")
    install(tmp_path, "opencv_python_headless", "cv2/__init__.py")
    install(tmp_path, "pandas_stubs", "pandas-stubs/__init__.pyi")
    install(tmp_path, "rst2html", "../../../bin/rst2html.py")
    return provided_by(tmp_path)


# What is imported -> who has it.
PROVIDERS = [
    ("yaml", {"pyyaml"}),
    ("yaml.YAMLError", {"pyyaml"}),
    ("six.moves.urllib", {"six"}),
    ("_cffi_backend", {"cffi"}),
    ("google.auth.jwt", {"google-auth"}),
    ("google.cloud.storage.Client", {"google-cloud-storage"}),
    ("google.cloud", {"google-cloud-core", "google-cloud-storage"}),
    ("google.cloud.other", {"google-cloud-core", "google-cloud-storage"}),
    ("cv2.imread", {"opencv-python", "opencv-python-headless"}),
    ("json", set()),
    ("x", set()),
]


@pytest.mark.parametrize(("name", "expected"), PROVIDERS)
def test_a_module_is_traced_to_who_has_its_files(
    name: str, expected: set[str], provided: Provided
) -> None:
    assert provided.providers(name) == expected


def test_stubs_and_scripts_bring_no_module(provided: Provided) -> None:
    assert not provided.with_modules & {"pandas-stubs", "rst2html"}
    assert {"pyyaml", "six"} <= provided.with_modules


def test_what_works_without_an_import_of_the_flows_is_for_others(tmp_path: Path) -> None:
    install(tmp_path, "pandas", "pandas/__init__.py", requires='PyArrow>=10; extra == "parquet"')
    install(tmp_path, "metaflow", "metaflow/__init__.py", requires="requests")
    install(tmp_path, "gunicorn", "gunicorn/__init__.py", script="gunicorn")
    install(tmp_path, "numpy", "numpy/__init__.py", script="f2py", requires="(not a requirement)")
    assert provided_by(tmp_path).of_others == {"pyarrow", "gunicorn"}
