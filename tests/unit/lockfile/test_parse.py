from __future__ import annotations

import pytest

from pytest_flowrepro.lockfile.conda import with_pypi
from pytest_flowrepro.lockfile.parse import parse_lock
from pytest_flowrepro.lockfile.pypi import InvalidLockError, parse_pypi
from pytest_flowrepro.model import CondaLock, PypiLock, pypi_part

PIN = f"six==1.16.0 --hash=sha256:{'0' * 64}\n"
EXPLICIT = f"# platform: linux-64\n@EXPLICIT\nfile:///c/noarch/pear-1-0.conda#{'a' * 64}\n"


def test_a_requirements_file_is_a_lock_of_pypis_packages() -> None:
    lock = parse_lock(PIN)
    assert isinstance(lock, PypiLock)
    assert [one.pin for one in lock.packages] == ["six==1.16.0"]
    assert pypi_part(lock) is lock


def test_an_explicit_list_is_a_lock_of_condas_archives() -> None:
    lock = parse_lock(EXPLICIT)
    assert isinstance(lock, CondaLock)
    assert [(one.name, one.version) for one in lock.archives] == [("pear", "1")]
    assert (lock.platform, lock.pypi) == ("linux-64", None)


def test_what_pypi_adds_to_an_explicit_list_is_read_back() -> None:
    conda = parse_lock(EXPLICIT)
    assert isinstance(conda, CondaLock)
    both = with_pypi(conda, parse_pypi(PIN))
    read = parse_lock(both.text)
    assert read == both
    assert isinstance(read, CondaLock)
    assert read.archives == conda.archives
    assert read.pypi == parse_pypi(PIN)
    assert with_pypi(conda, None) is conda


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ("it does not have any packages",)),
        ("six\n", ("line 1: six is not pinned to one version with `==`",)),
        (
            f"{EXPLICIT}pear\n# Then, from PyPI:\n{PIN}--index-url=x\n",
            (
                "line 4: not an archive of a channel with its sha256",
                "line 7: the option --index-url is not allowed in a lock",
            ),
        ),
    ],
)
def test_every_problem_names_its_line_in_the_file(text: str, problems: tuple[str, ...]) -> None:
    with pytest.raises(InvalidLockError) as caught:
        parse_lock(text)
    assert caught.value.problems == problems
