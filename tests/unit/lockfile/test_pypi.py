from __future__ import annotations

import pytest

from pytest_flowrepro.lockfile.pypi import (
    InvalidLockError,
    logical_lines,
    parse_pypi,
    required_by,
    required_name,
)
from pytest_flowrepro.model import PypiLock

HASH = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "fedcba9876543210" * 4


def test_a_lock_names_each_package_with_its_version_and_all_its_hashes() -> None:
    (package,) = parse_pypi(
        f"Python_DateUtil==2.9.0 \\\n    --hash={HASH} \\\n    --hash={OTHER}\n    # via pandas\n"
    ).packages

    assert package.name == "python-dateutil"
    assert package.version == "2.9.0"
    assert package.hashes == (HASH, OTHER)
    assert package.marker is None


def test_a_lock_for_all_platforms_has_markers() -> None:
    (package,) = parse_pypi(f'tzdata==2026.1 ; sys_platform == "win32" --hash={HASH}').packages

    assert package.marker is not None
    assert package.marker.evaluate({"sys_platform": "win32"})
    assert not package.marker.evaluate({"sys_platform": "linux"})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("six==1.17.0", "line 1: six has no hash"),
        (f"six>=1.17.0 --hash={HASH}", "line 1: six is not pinned to one version with `==`"),
        (f"six==1.* --hash={HASH}", "line 1: six is not pinned to one version with `==`"),
        (f"six==1,<2 --hash={HASH}", "line 1: six is not pinned to one version with `==`"),
        (f"six --hash={HASH}", "line 1: six is not pinned to one version with `==`"),
        ("six==1 --hash=md5:0", "line 1: six has a hash that is not a complete sha256: md5:0"),
        (
            f"six @ https://user:pass@host/six.whl --hash={HASH}",
            "line 1: six comes from a URL that is not that of its wheel",
        ),
        (
            "--index-url https://user:pass@host/simple",
            "line 1: the option --index-url is not allowed in a lock",
        ),
        ("--find-links=/etc", "line 1: the option --find-links is not allowed in a lock"),
        ("-r /etc/passwd", "line 1: the option -r is not allowed in a lock"),
        ("-e .", "line 1: the option -e is not allowed in a lock"),
        ("./six.whl", "line 1: `./six.whl` is not a package with a version"),
        ("<<<<<<< HEAD", "line 1: `<<<<<<<` is not a package with a version"),
        ("", "it does not have any packages"),
        ("# only a comment\n\n", "it does not have any packages"),
    ],
)
def test_whatever_is_not_a_pinned_and_hashed_package_is_refused(line: str, problem: str) -> None:
    with pytest.raises(InvalidLockError) as caught:
        parse_pypi(line)

    assert caught.value.problems == (problem,)


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(InvalidLockError) as caught:
        parse_pypi(f"six==1\nidna==3 --hash={HASH}\n\nnumpy\n")

    assert [problem.split(":")[0] for problem in caught.value.problems] == ["line 1", "line 4"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("six\r\nidna", [(1, "six"), (2, "idna")]),
        ("six \\\n    >= 1 # why", [(1, "six     >= 1")]),
        ("# comment \\\nsix", [(2, "six")]),
        ("six#1", [(1, "six#1")]),
        ("six \\\n# comment\nidna", [(1, "six"), (3, "idna")]),
        ("six \\", [(1, "six")]),
        ("\n\n  six  \n", [(3, "six")]),
    ],
)
def test_lines_are_joined_and_comments_dropped_as_pip_does(
    text: str, lines: list[tuple[int, str]]
) -> None:
    assert list(logical_lines(text)) == lines


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("six>=1.15,<2", "six"),
        ("Charset_Normalizer[unicode]==3", "charset-normalizer"),
        ("six @ git+https://host/six", "six"),
        ("six=1.15", "six"),
        ("https://conda.anaconda.org/conda-forge::six==1.15", "six"),
    ],
)
def test_the_package_that_a_line_is_about(line: str, name: str) -> None:
    assert required_name(line) == name


COMMENTED = """\
boto3==1.44.5 \\
    --hash=sha256:1
    # via metaflow
botocore==1.44.5 \\
    --hash=sha256:2
    # via
    #   boto3
    #   s3transfer
metaflow==2.19.39
    # via -r requirements.in
numpy==2.3.1
    # via
    #   -c constraints.txt
    #   -r requirements.in
    #   pandas
six==1.17.0 \\
    --hash=sha256:3
    # via
    #   python-dateutil
    #   -r requirements.in
urllib3==2.5.0
    # via
    #   -c constraints.txt
    #   botocore[crt]
"""


def test_the_origin_of_a_package_is_in_the_locks_comments() -> None:
    assert required_by(PypiLock(text=COMMENTED, packages=())) == {
        "boto3": ("metaflow",),
        "botocore": ("boto3", "s3transfer"),
        "urllib3": ("botocore",),
    }
