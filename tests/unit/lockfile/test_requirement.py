from __future__ import annotations

import pytest

from pytest_flowrepro.lockfile.requirement import parse_requirement, wheel_version
from pytest_flowrepro.model import RequirementLine

WHEEL = "https://host/whl/six-1.17.0-py2.py3-none-any.whl"


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "pandas[excel]>=2 ; python_version < '3.13'",
        f"six @ {WHEEL}",
        f"Six[a]@{WHEEL} ; sys_platform == 'linux'",
        "torch @ http://[::1]:8080/torch-2.1.0%2Bcpu-cp311-cp311-linux_x86_64.whl",
    ],
)
def test_what_has_a_hash_can_be_pinned(line: str) -> None:
    assert parse_requirement(line) == RequirementLine(line)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (WHEEL, "a URL is not a package of an index"),
        (f"pandas @ {WHEEL}", "a URL is not a package of an index"),
        ("six @ https://host/six-1.17.0.tar.gz", "a URL is not a package of an index"),
        (f"six @ {WHEEL}?token=pw", "a URL is not a package of an index"),
        ("six @ ftp://host/six-1.17.0-py3-none-any.whl", "a URL is not a package of an index"),
        (
            f"six @ {WHEEL.replace('host', 'bob:pw@host')}",
            "a user name or password does not belong",
        ),
        ("six @ git+https://bob:pw@host/six", "a version control URL has no hash to pin"),
        (
            "six @ file:///six-1.17.0-py3-none-any.whl",
            "a path is supported only in a requirements file",
        ),
        ("./six", "a path is supported only in a requirements file"),
        ("six==", "Expected"),
    ],
)
def test_a_requirement_without_a_hash_is_reported_without_its_url(line: str, problem: str) -> None:
    told = parse_requirement(line)
    assert isinstance(told, str)
    assert told is not None
    assert problem in told
    assert "pw" not in told


def test_a_wheels_version_is_in_its_name() -> None:
    assert wheel_version(WHEEL, "six") == "1.17.0"
    assert wheel_version("https://host/torch-2.1.0%2Bcpu-py3-none-any.whl", "torch") == "2.1.0+cpu"
    assert wheel_version(WHEEL, "pandas") is None
