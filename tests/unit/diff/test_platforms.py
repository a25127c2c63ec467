"""Recorded on one platform, checked on another: what the lock explains, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locks import by_pip_tools, locked
from recordings import artifact, recording, task

from pytest_flowrepro.diff import diff, diff_environments, diff_system
from pytest_flowrepro.diff.environments import other_machine
from pytest_flowrepro.lock.pip_tools import one_platform_header
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import (
    Change,
    Environment,
    Gate,
    Interpreter,
    Lock,
    NumericProfile,
    Package,
    System,
)

MAC = System(platform="darwin", machine="arm64", libc="macos 14.5")
LINUX = System(platform="linux", machine="x86_64", libc="glibc 2.36")
NEWER_LINUX = replace(LINUX, libc="glibc 2.39")

MAC_WHEEL = "cp311-cp311-macosx_14_0_arm64"
LINUX_WHEEL = "cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64"

ENVIRONMENT: frozenset[Gate] = frozenset({"environment"})
BOTH: frozenset[Gate] = frozenset({"environment", "system"})


def lock(*lines: str, digit: str = "a") -> Lock:
    return parse_pypi("".join(f"{line} --hash=sha256:{digit * 64}\n" for line in lines))


LOCK = lock(
    "appnope==0.1.4 ; sys_platform == 'darwin'",
    "colorama==0.4.6 ; platform_system == 'Windows'",
    "greenlet==3.1 ; platform_machine == 'x86_64'",
    "jax==0.4.0 ; sys_platform == 'darwin'",
    "jax==0.6 ; sys_platform != 'darwin'",
    "numpy==2.4.5",
    "tomli==2.0 ; python_version < '3.11'",
)


def package(name: str, version: str, wheel: str | None = None, record: str = "aa") -> Package:
    return Package(name=name, version=version, record=f"sha256:{record}", via=(), wheel=wheel)


PYTHON = Interpreter("cpython", "3.11.7")


def environment(*packages: Package, lock: Lock = LOCK, python: Interpreter = PYTHON) -> Environment:
    return Environment(name="base", python=python, packages=packages, lock=lock)


def moved(
    old: Environment,
    new: Environment,
    *,
    systems: tuple[System, System] = (MAC, LINUX),
    gates: frozenset[Gate] = ENVIRONMENT,
) -> tuple[Change, ...]:
    return diff_environments((old,), (new,), gates=gates, systems=systems)


def only(changes: tuple[Change, ...]) -> Change:
    assert len(changes) == 1, changes
    return changes[0]


# --- what the lock explains -----------------------------------------------------------


def test_a_package_that_the_lock_gives_to_the_other_platform_only_is_shown_and_not_gated() -> None:
    change = only(moved(environment(package("appnope", "0.1.4")), environment()))
    assert (change.kind, change.change, change.name) == ("system", "removed", "appnope")
    assert (change.old, change.new, change.environment) == ("0.1.4", None, "base")
    assert not change.gated
    assert change.explanation == ("the lock's markers include it on one of the two platforms only",)


def test_one_that_it_gives_to_this_platform_only_as_well() -> None:
    change = only(moved(environment(), environment(package("greenlet", "3.1"))))
    assert (change.kind, change.change, change.gated) == ("system", "added", False)


def test_a_version_for_each_platform() -> None:
    change = only(moved(environment(package("jax", "0.4")), environment(package("jax", "0.6.0"))))
    assert (change.kind, change.old, change.new, change.gated) == ("system", "0.4", "0.6.0", False)
    assert "a different version" in change.explanation[0]


def test_the_files_of_two_platforms_wheels_are_not_compared() -> None:
    old = environment(package("numpy", "2.4.5", MAC_WHEEL, record="mac"))
    new = environment(package("numpy", "2.4.5", LINUX_WHEEL, record="linux"))
    change = only(moved(old, new))
    assert (change.kind, change.gated) == ("system", False)
    assert change.explanation == (f"each platform's own wheel: {MAC_WHEEL} -> {LINUX_WHEEL}",)


def test_a_platform_difference_counts_where_the_system_is_gated() -> None:
    old, new = environment(package("appnope", "0.1.4")), environment()
    assert only(moved(old, new, gates=BOTH)).gated


# --- what it does not -----------------------------------------------------------------

NUMPY = package("numpy", "2.4.5", MAC_WHEEL)

DRIFTS = {
    "a package that the lock gives to both": (environment(NUMPY), environment()),
    "a package of another version than the lock's": (
        environment(package("appnope", "0.1.3")),
        environment(),
    ),
    "a package that is in no lock": (environment(package("evil", "1")), environment()),
    "one that the lock gives to neither": (
        environment(package("colorama", "0.4.6")),
        environment(),
    ),
    "one that only the other Python needs": (
        environment(package("tomli", "2.0"), python=Interpreter("cpython", "3.10.2")),
        environment(python=Interpreter("cpython", "3.10.2")),
    ),
    "one that went out of the lock": (
        environment(package("appnope", "0.1.4")),
        environment(lock=lock("numpy==2.4.5")),
    ),
    "a lock that cannot be read": (
        environment(package("appnope", "0.1.4"), lock=locked("appnope==0.1.4")),
        environment(lock=locked("appnope==0.1.4")),
    ),
    "a marker that has no meaning": (
        environment(package("six", "1"), lock=lock("six==1 ; sys_platform ~= 'x'")),
        environment(lock=lock("six==1 ; sys_platform ~= 'x'")),
    ),
    "another version": (
        environment(NUMPY),
        environment(package("numpy", "2.4.6", LINUX_WHEEL)),
    ),
    "each platform's version, the wrong way round": (
        environment(package("jax", "0.6")),
        environment(package("jax", "0.4")),
    ),
    "other files in one wheel": (
        environment(NUMPY),
        environment(replace(NUMPY, record="sha256:bb")),
    ),
    "a wheel for another Python": (
        environment(NUMPY),
        environment(replace(NUMPY, wheel=MAC_WHEEL.replace("311", "312"))),
    ),
    "other files, from before wheels were told apart": (
        environment(replace(NUMPY, wheel=None)),
        environment(package("numpy", "2.4.5", LINUX_WHEEL, record="bb")),
    ),
    "a wheel from elsewhere": (
        environment(NUMPY),
        environment(
            replace(package("numpy", "2.4.5", LINUX_WHEEL), direct_url="https://example.org/numpy")
        ),
    ),
    "a package of one platform, from elsewhere": (
        environment(replace(package("appnope", "0.1.4"), direct_url="https://example.org/appnope")),
        environment(),
    ),
    "other files under the same version in another lock": (
        environment(NUMPY, lock=lock("numpy==2.4.5", digit="a")),
        environment(package("numpy", "2.4.5", LINUX_WHEEL), lock=lock("numpy==2.4.5", digit="b")),
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_another_platform_excuses_nothing_else(drift: str) -> None:
    change = only(moved(*DRIFTS[drift]))
    assert (change.kind, change.gated) == ("package", True)


def test_a_python_that_moved_with_the_platform_excuses_nothing_that_is_its_own() -> None:
    both = lock("tomli==2.0 ; python_version < '3.11' and sys_platform == 'darwin'")
    old = environment(package("tomli", "2.0"), lock=both, python=Interpreter("cpython", "3.10.2"))
    new = environment(lock=both, python=Interpreter("cpython", "3.11.7"))
    gated = [("python", True), ("package", True)]
    assert [(c.kind, c.gated) for c in moved(old, new)] == gated
    assert [(c.kind, c.gated) for c in moved(new, old, systems=(LINUX, MAC))] == gated


def test_on_one_platform_another_wheel_is_a_drift_of_its_own() -> None:
    old = environment(package("numpy", "2.4.5", LINUX_WHEEL))
    new = environment(package("numpy", "2.4.5", "py3-none-any", record="bb"))
    change = only(moved(old, new, systems=(LINUX, LINUX)))
    assert (change.kind, change.gated) == ("package", True)
    assert change.explanation == (f"same version, other wheel: {LINUX_WHEEL} -> py3-none-any",)


def test_a_package_of_condas_has_a_build_and_an_archive() -> None:
    here = (LINUX, LINUX)
    old = environment(package("numpy", "2.4.5", "linux-64/py311_0", record="aa"))
    build = environment(package("numpy", "2.4.5", "linux-64/py311_1", record="bb"))
    archive = environment(package("numpy", "2.4.5", "linux-64/py311_0", record="bb"))
    assert only(moved(old, build, systems=here)).explanation == (
        "same version, other build: linux-64/py311_0 -> linux-64/py311_1",
    )
    assert only(moved(old, archive, systems=here)).explanation == (
        "same version, other files: archive sha256:aa -> sha256:bb",
    )


def test_a_baseline_without_wheels_compares_by_its_records() -> None:
    old, new = environment(package("numpy", "2.4.5")), environment(package("numpy", "2.4.5", "x"))
    assert moved(old, new, systems=(LINUX, LINUX)) == ()
    change = only(moved(old, environment(package("numpy", "2.4.5", "x", record="bb"))))
    assert change.explanation == ("same version, other files: RECORD sha256:aa -> sha256:bb",)


versions = st.sampled_from(["0.1.4", "0.4", "0.6", "2.0", "2.4.5", "3.1"])
names = st.sampled_from(["appnope", "greenlet", "jax", "numpy", "tomli"])
wheels = st.sampled_from([None, MAC_WHEEL, LINUX_WHEEL, "py3-none-any"])
environments = st.lists(
    st.builds(package, names, versions, wheels, st.sampled_from(["aa", "bb"])),
    unique_by=lambda one: one.name,
).map(lambda packages: environment(*packages))


@given(environments, environments)
def test_on_one_platform_every_difference_is_gated(old: Environment, new: Environment) -> None:
    changes = moved(old, new, systems=(LINUX, LINUX))
    assert all(change.kind == "package" and change.gated for change in changes)
    assert changes == diff_environments((old,), (new,), gates=ENVIRONMENT)
    apart = moved(old, new, systems=(MAC, LINUX))
    assert [c.name for c in apart] == [c.name for c in changes]  # shown or gated, never left out


# --- the machine beside it ------------------------------------------------------------


def test_a_lock_for_one_platform_says_so_on_another() -> None:
    made = environment(lock=by_pip_tools("# By pip-tools, for darwin arm64 only."))
    change = only(moved(made, made))
    assert (change.kind, change.name, change.gated) == ("system", "lock", False)
    assert (change.old, change.new) == ("darwin arm64", "linux x86_64")
    (line,) = change.explanation
    assert line.startswith("locked by pip-tools on darwin arm64: it has the packages of that")
    assert line.endswith("lock by uv for all")
    assert moved(made, made, systems=(MAC, MAC)) == ()


def test_that_is_read_from_the_line_that_a_lock_by_pip_tools_begins_with() -> None:
    made = environment(lock=by_pip_tools(one_platform_header()))
    plan9 = System(platform="plan9", machine="mips", libc="")
    assert only(moved(made, made, systems=(LINUX, plan9))).new == "plan9 mips"


def test_artifacts_that_drift_on_another_machine_say_so_once_for_each_step() -> None:
    old = recording(
        task("train", artifact("loss", 0.1), artifact("score", 0.91), index=(0,)),
        task("end", artifact("best", 0.91)),
    )
    new = recording(
        task("train", artifact("loss", 0.2), artifact("score", 0.92), index=(0,)),
        task("end", artifact("best", 0.92)),
    )
    moved_to = replace(new, system=NEWER_LINUX)
    gates: frozenset[Gate] = frozenset({"artifacts"})
    told = {
        change.name: change.explanation[1:]
        for change in diff(old, moved_to, gates=gates)
        if change.kind == "artifact"
    }
    machine = "recorded on a different machine: libc glibc 2.36 -> glibc 2.39"
    assert told == {"loss": (machine,), "score": (), "best": (machine,)}
    for changes in (diff(old, new, gates=gates), diff(old, moved_to, gates=frozenset())):
        assert not any(machine in change.explanation for change in changes)


@pytest.mark.parametrize(
    ("here", "layers"),
    [
        ({}, None),
        ({"processors": 2, "usable": 2}, "processors 8 -> 2"),
        ({"usable": 1}, "1 of 8 processors usable"),
        ({"level": "x86-64-v3"}, "CPU x86-64-v4 -> x86-64-v3"),
        (
            {"numeric": NumericProfile(cpu="x86-64-v2")},
            "numeric profile x86-64-v3 -> x86-64-v2",
        ),
        ({"level": None, "processors": None}, None),
    ],
)
def test_processors_and_cpu_distinguish_machines_and_are_not_a_change(
    here: dict[str, Any], layers: str | None
) -> None:
    old = replace(LINUX, processors=8, level="x86-64-v4", numeric=NumericProfile())
    new = replace(old, usable=8)
    new = replace(new, **here)
    assert diff_system(old, new, gates=frozenset({"system"})) == ()
    told = other_machine(old, new)
    assert told == (layers and f"recorded on a different machine: {layers}")


def test_another_platform_is_named_with_each_of_its_layers() -> None:
    assert other_machine(MAC, LINUX) == (
        f"recorded on a different machine: platform {MAC.platform} -> {LINUX.platform}, "
        f"machine {MAC.machine} -> {LINUX.machine}, libc {MAC.libc} -> {LINUX.libc}"
    )
