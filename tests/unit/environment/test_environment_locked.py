from __future__ import annotations

import pytest

from pytest_flowrepro.environment.locked import compare
from pytest_flowrepro.errors import EnvironmentBuildError
from pytest_flowrepro.lock_file import LockedPackage

GIVEN = {"numpy": "1.26.4", "torch": "2.1.0.post300"}


def locked(**versions: str) -> tuple[LockedPackage, ...]:
    return tuple(
        LockedPackage(name=name, version=version, marker=None, hashes=())
        for name, version in versions.items()
    )


@pytest.mark.parametrize(
    ("there", "lock", "problem"),
    [
        ({"a": "1.0"}, locked(a="1.0", b="1.0"), "b is missing"),
        ({"a": "1.0"}, (), "a is not in the lock"),
        ({"a": "1.0"}, locked(a="1.1"), "a is 1.0, the lock says 1.1"),
        ({"numpy": "2.0"}, (), "numpy is 2.0, the lock says 1.26.4"),
        ({"numpy": None}, (), "numpy is not there any more"),
    ],
)
def test_what_is_installed_is_what_was_given_and_what_the_lock_says(
    there: dict[str, str | None], lock: tuple[LockedPackage, ...], problem: str
) -> None:
    installed = {name: version for name, version in {**GIVEN, **there}.items() if version}

    with pytest.raises(EnvironmentBuildError) as caught:
        compare(installed, lock, given=GIVEN, name="base")

    assert caught.value.detail == problem


def test_versions_are_compared_as_versions() -> None:
    compare({**GIVEN, "a": "1.0"}, locked(a="1.0.0"), given=GIVEN, name="base")
