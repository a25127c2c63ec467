from __future__ import annotations

import pytest

from pytest_flowrepro.lockfile.pypi import (
    InvalidLockError,
    in_parts,
    is_explicit,
    logical_lines,
    of_parts,
    parse_lock,
    required_name,
)

HASH = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "fedcba9876543210" * 4


def test_a_lock_names_each_package_with_its_version_and_all_its_hashes() -> None:
    (package,) = parse_lock(
        f"Python_DateUtil==2.9.0 \\\n    --hash={HASH} \\\n    --hash={OTHER}\n    # via pandas\n"
    )

    assert package.name == "python-dateutil"
    assert package.version == "2.9.0"
    assert package.hashes == (HASH, OTHER)
    assert package.marker is None


def test_a_lock_for_all_platforms_has_markers() -> None:
    (package,) = parse_lock(f'tzdata==2026.1 ; sys_platform == "win32" --hash={HASH}')

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
        ("six==1 --hash=md5:0", "line 1: six has a hash that is not a whole sha256: md5:0"),
        (
            f"six @ https://user:pass@host/six.whl --hash={HASH}",
            "line 1: six comes from a URL that is not that of its wheel",
        ),
        (
            "--index-url https://user:pass@host/simple",
            "line 1: the option --index-url has no place in a lock",
        ),
        ("--find-links=/etc", "line 1: the option --find-links has no place in a lock"),
        ("-r /etc/passwd", "line 1: the option -r has no place in a lock"),
        ("-e .", "line 1: the option -e has no place in a lock"),
        ("./six.whl", "line 1: `./six.whl` is not a package with a version"),
        ("<<<<<<< HEAD", "line 1: `<<<<<<<` is not a package with a version"),
        ("", "it names no package"),
        ("# only a comment\n\n", "it names no package"),
    ],
)
def test_whatever_is_not_a_pinned_and_hashed_package_is_refused(line: str, problem: str) -> None:
    with pytest.raises(InvalidLockError) as caught:
        parse_lock(line)

    assert caught.value.problems == (problem,)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InvalidLockError) as caught:
        parse_lock(f"six==1\nidna==3 --hash={HASH}\n\nnumpy\n")

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


def test_condas_explicit_lists_are_told_from_requirements_files() -> None:
    assert is_explicit("# platform: linux-64\n@EXPLICIT\nhttps://h/noarch/six-1-0.conda#00\n")
    assert not is_explicit("six==1.16.0 --hash=sha256:00\n")


PIN = f"six==1.16.0 --hash={HASH}\n"
EXPLICIT = "# platform: linux-64\n@EXPLICIT\nfile:///c/noarch/six-1-0.conda#aa\n"


@pytest.mark.parametrize(("conda", "pypi"), [(EXPLICIT, ""), ("", PIN), (EXPLICIT, PIN)])
def test_a_lock_has_a_part_of_condas_and_a_part_of_pypis(conda: str, pypi: str) -> None:
    lock = of_parts(conda, pypi)

    assert in_parts(lock) == (conda, pypi)
    assert is_explicit(lock) == bool(conda)
