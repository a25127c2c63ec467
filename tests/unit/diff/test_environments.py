from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from locks import locked
from requirement_lines import requirement_lines

from pytest_flowrepro.diff import diff_environments
from pytest_flowrepro.model import (
    Change,
    Constraints,
    Environment,
    Gate,
    Interpreter,
    Package,
)

ALL: frozenset[Gate] = frozenset(get_args(Gate))


def only(changes: tuple[Change, ...]) -> Change:
    assert len(changes) == 1, changes
    return changes[0]


def package(version: str = "2.4.5", via: tuple[str, ...] = (), **fields: str) -> Package:
    values = {"record": "sha256:aa", **fields}
    return Package(name="numpy", version=version, via=via, **values)


PYTHON = Interpreter("cpython", "3.11.7")


def environment(
    *packages: Package, name: str = "base", python: Interpreter = PYTHON
) -> Environment:
    return Environment(name=name, python=python, packages=packages, lock=locked())


def test_a_package_is_compared_by_version() -> None:
    old, new = environment(package("2.4.5")), environment(package("2.4.6"))
    change = only(diff_environments((old,), (new,), gates=ALL))
    assert (change.kind, change.environment, change.name) == ("package", "base", "numpy")
    assert (change.old, change.new, change.explanation) == ("2.4.5", "2.4.6", ())


def test_one_version_with_other_files_says_so() -> None:
    old, new = environment(package()), environment(package(record="sha256:bb"))
    change = only(diff_environments((old,), (new,), gates=ALL))
    assert change.explanation == ("same version, other files: RECORD sha256:aa -> sha256:bb",)


CHANGES_PAGE = "https://numpy.org/doc/stable/release.html"


@pytest.mark.parametrize(
    ("old", "new", "link"),
    [
        (package("2.4.5"), package("2.4.6"), "https://pypi.org/project/numpy/2.4.6/"),
        (package("2.4.5"), package("2.4.6", link=CHANGES_PAGE), CHANGES_PAGE),
        (package("2.4.5"), None, "https://pypi.org/project/numpy/2.4.5/"),
        (package("2.4.5"), package("2.4.6", direct_url="https://x.example/n.whl"), None),
        (package("2.4.5"), package("2.4.6", wheel="linux-64/py311h64a7726_0"), None),
        (package("2.4.5"), package("2.4.6+cpu"), None),
        (package("2.4.5"), package("2.4.6 (of https://evil.example)"), None),
    ],
)
def test_a_changed_package_links_to_its_changelog_or_its_page_on_pypi(
    old: Package, new: Package | None, link: str | None
) -> None:
    now = environment(new) if new else environment()
    assert only(diff_environments((environment(old),), (now,), gates=ALL)).link == link


def test_a_changed_package_names_those_that_require_it_now() -> None:
    old = environment(package("2.4.5", via=("scipy",)))
    new = environment(package("2.4.6", via=("pandas", "scipy")))
    assert only(diff_environments((old,), (new,), gates=ALL)).via == ("pandas", "scipy")
    assert only(diff_environments((old,), (environment(),), gates=ALL)).via == ("scipy",)


def test_who_requires_a_package_is_not_part_of_the_comparison() -> None:
    old = environment(package())
    new = environment(replace(package(), via=("pandas",)))
    assert diff_environments((old,), (new,), gates=ALL) == ()


def test_a_requirement_that_is_declared_otherwise_is_a_change_of_its_own() -> None:
    old = replace(environment(package()), requirements=("metaflow", "numpy>=1", "six"))
    new = replace(environment(package()), requirements=("NumPy>=2", "metaflow", "pandas"))
    changes = diff_environments((old,), (new,), gates=ALL)
    assert [(c.change, c.name, c.old, c.new, c.gated) for c in changes] == [
        ("changed", "requirement numpy", "numpy>=1", "NumPy>=2", True),
        ("removed", "requirement six", "six", None, True),
        ("added", "requirement pandas", None, "pandas", True),
    ]
    assert all(change.declared for change in changes)
    assert "record again" in changes[0].explanation[0]


def test_a_lock_or_constraints_file_that_changed_is_reported_by_its_name() -> None:
    lock = locked("six==1.16")
    before = (
        Constraints.of("limits.txt", requirement_lines("six<1.17")),
        Constraints.of("gone.txt", requirement_lines("idna")),
    )
    now = (Constraints.of("limits.txt", requirement_lines("six>=1.17", "idna<4")),)
    old = replace(environment(package()), lock=lock, constraints=before)
    new = replace(environment(package()), lock=lock, constraints=now)
    changes = diff_environments((old,), (new,), gates=ALL)
    assert [(c.change, c.name, c.gated) for c in changes] == [
        ("changed", "requirements in limits.txt", True),
        ("removed", "requirements in gone.txt", True),
    ]
    assert all(change.declared for change in changes)
    assert (changes[0].old, changes[0].new) == (before[0].digest[:19], now[0].digest[:19])
    assert "record again" in changes[0].explanation[0]
    assert changes[0].explanation[1:] == ("six>=1.17: recorded with 1.16",)


def test_the_order_of_a_constraints_file_means_nothing() -> None:
    sides = (requirement_lines("six", "idna"), requirement_lines("idna", "six"))
    old, new = (
        replace(environment(), constraints=(Constraints.of("limits.txt", lines),))
        for lines in sides
    )
    assert diff_environments((old,), (new,), gates=ALL) == ()


def test_a_whole_environment_that_came_is_one_change() -> None:
    old, new = environment(package()), environment(package(), name="train")
    change = only(diff_environments((old,), (old, new), gates=ALL))
    assert (change.environment, change.change) == ("train", "added")
    assert (change.old, change.new) == (None, "cpython 3.11.7, 1 package")
