"""The cause of a changed artifact: code, input, environment, or nothing that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recordings import artifact, recording, step, task

from pytest_flowrepro.diff import causes_of, diff
from pytest_flowrepro.model import CodeFile, Decorator, Interpreter, Package, System

if TYPE_CHECKING:
    from pytest_flowrepro.model import Change, Gate, Recording

GATES: frozenset[Gate] = frozenset({"artifacts", "environment", "policy"})


def flow(*, code: str = "1 1 1", values: str = "1 1 1", alpha: float = 0.1) -> Recording:
    """A flow of three steps in a line, each with one artifact."""
    names = ("start", "train", "end")
    steps = [
        replace(step(name, *names[at + 1 : at + 2]), code=None if one == "?" else one)
        for at, (name, one) in enumerate(zip(names, code.split(), strict=True))
    ]
    tasks = [
        task(name, artifact(f"of_{name}", value))
        for name, value in zip(names, values.split(), strict=True)
    ]
    changed = replace(recording(*tasks), steps=tuple(steps), parameters=(artifact("alpha", alpha),))
    return replace(changed, code=(CodeFile(path="train.py", sha256=code),))


OLD = flow()


def origins(changes: tuple[Change, ...]) -> dict[str, str]:
    """Return `code`, ... for each artifact that changed first, `derived` for the others."""
    return {
        change.name: change.cause or str(change.origin)
        for change in changes
        if change.kind in {"artifact", "parameter"}
    }


def compare(new: Recording, old: Recording = OLD) -> tuple[dict[str, str], list[str]]:
    changes = diff(old, new, gates=GATES)
    return origins(changes), [f"{c.kind}: {c.text}" for c in causes_of(old, new, changes)]


def with_numpy(given: Recording, version: str) -> Recording:
    (base,) = given.environments
    packages = [
        replace(package, version=version) if package.name == "numpy" else package
        for package in base.packages
    ]
    return replace(given, environments=(replace(base, packages=tuple(packages)),))


def test_equal_recordings_have_no_cause() -> None:
    assert compare(OLD) == ({}, [])


def test_a_step_whose_code_changed_is_the_origin_of_its_own_changes() -> None:
    assert compare(flow(code="1 2 1", values="1 2 2")) == (
        {"of_train": "code", "of_end": "derived"},
        ["code: code of step train changed: train.py"],
    )


def test_a_step_with_new_code_is_an_origin_whatever_else_changed_before_it() -> None:
    new = flow(code="1 2 1", values="2 2 2", alpha=0.2)
    assert compare(new) == (
        {"alpha": "input", "of_start": "derived", "of_train": "code", "of_end": "derived"},
        [
            "code: code of step train changed: train.py",
            "input: parameter alpha 0.1 -> 0.2",
        ],
    )


def test_code_that_the_step_does_not_run_explains_nothing() -> None:
    changed = replace(flow(values="1 2 2"), code=(CodeFile(path="train.py", sha256="other"),))
    assert compare(changed) == (
        {"of_train": "unexplained", "of_end": "derived"},
        ["unexplained: no change of code, inputs or environment explains it"],
    )


def test_code_may_be_the_cause_if_it_is_not_known_what_a_step_ran() -> None:
    found, causes = compare(flow(code="? ? ?", values="1 2 2"))
    assert found == {"of_train": "code", "of_end": "derived"}
    assert causes == ["code: code of step train changed: train.py"]


def test_a_step_that_did_not_run_makes_no_other_step_unknown() -> None:
    """As one that a switch leaves out."""
    commented = replace(
        flow(code="1 1 ?", values="1 2 1"), code=(CodeFile(path="a.py", sha256="x"),)
    )
    found, _ = compare(commented, replace(flow(code="1 1 ?"), code=commented.code[:0]))
    assert found == {"of_train": "unexplained"}


def test_packages_explain_a_step_without_new_code() -> None:
    new = with_numpy(flow(values="1 2 2"), "2.5.0")
    assert compare(new) == (
        {"of_train": "environment", "of_end": "derived"},
        ["environment: 1 package changed: numpy 2.4.5 -> 2.5.0"],
    )


def test_a_step_in_a_changed_environment_of_its_own_is_an_origin() -> None:
    def placed(given: Recording) -> Recording:
        (base,) = given.environments
        own = replace(with_numpy(given, "1.0").environments[0], name="gpu", steps=("end",))
        return replace(given, environments=(base, own))

    old, new = placed(OLD), placed(flow(code="1 2 1", values="1 2 2"))
    assert compare(new, old)[0] == {"of_train": "code", "of_end": "derived"}
    (base, own) = new.environments
    moved = Package(name="torch", version="2", record="sha256:1", via=())
    moved_apart = replace(new, environments=(base, replace(own, packages=(*own.packages, moved))))
    assert compare(moved_apart, old) == (
        {"of_train": "code", "of_end": "environment"},
        [
            "code: code of step train changed: train.py",
            "environment: 1 package changed: torch added: 2",
        ],
    )


def test_a_changed_data_file_is_an_input() -> None:
    data = CodeFile(path="../data/rows.csv", sha256="2")
    old = replace(OLD, code=(*OLD.code, replace(data, sha256="1")))
    new = replace(flow(values="2 2 2"), code=(*OLD.code, data))
    assert compare(new, old) == (
        {"of_start": "input", "of_train": "derived", "of_end": "derived"},
        ["input: data file rows.csv changed"],
    )


def test_decorators_are_code() -> None:
    new = flow(values="1 2 2")
    retried = replace(new.steps[1], decorators=(Decorator(name="retry", attributes={}),))
    decorated = replace(new, steps=(new.steps[0], retried, new.steps[2]))
    assert compare(decorated)[0] == {"of_train": "code", "of_end": "derived"}


def test_a_decorator_of_packages_that_changed_is_environment() -> None:
    def declared(given: Recording, version: str) -> Recording:
        pinned = Decorator(name="pypi", attributes={"packages": {"numpy": version}})
        return replace(given, steps=tuple(replace(s, decorators=(pinned,)) for s in given.steps))

    old, new = declared(OLD, "2.4.5"), declared(flow(values="1 2 2"), "2.5.0")
    assert compare(with_numpy(new, "2.5.0"), old) == (
        {"of_train": "environment", "of_end": "derived"},
        ["environment: 1 package changed: numpy 2.4.5 -> 2.5.0"],
    )
    # With the packages as locked, the decorator itself may be the cause.
    assert compare(new, old)[0] == {"of_train": "code", "of_end": "code"}


def test_a_requirement_is_named_once() -> None:
    (base,) = OLD.environments
    old, new = (
        replace(OLD, environments=(replace(base, requirements=lines),))
        for lines in (("numpy==2.4.5",), ("numpy==2.5.0", "torch>=2"))
    )
    assert compare(new, old)[1] == [
        "environment: 2 requirements changed: numpy==2.4.5 -> numpy==2.5.0, torch added: torch>=2"
    ]


def test_another_interpreter_and_another_machine_are_environment() -> None:
    new = flow(values="1 2 2")
    (base,) = new.environments
    python = replace(base, python=Interpreter("cpython", "3.12.1"))
    system = System(platform="linux", machine="arm64", libc=new.system.libc)
    assert compare(replace(new, environments=(python,), system=system)) == (
        {"of_train": "environment", "of_end": "derived"},
        [
            "environment: interpreter cpython 3.11.7 -> cpython 3.12.1",
            "environment: machine changed: machine x86_64 -> arm64",
        ],
    )


def test_gated_changes_are_causes_without_a_changed_artifact() -> None:
    assert compare(with_numpy(OLD, "2.5.0")) == (
        {},
        ["environment: 1 package changed: numpy 2.4.5 -> 2.5.0"],
    )
    assert compare(replace(OLD, code=(CodeFile(path="train.py", sha256="x"),))) == ({}, [])


def test_an_added_step_and_a_removed_one_are_code() -> None:
    new = flow(values="1 2 2")
    audit = replace(step("audit", "train"), code="9")
    added = replace(
        new,
        steps=(new.steps[0], audit, *new.steps[1:]),
        tasks=(new.tasks[0], task("audit", artifact("seen", 1)), *new.tasks[1:]),
    )
    assert compare(added) == (
        {"seen": "code", "of_train": "derived", "of_end": "derived"},
        ["code: step audit added"],
    )
    assert compare(OLD, added)[1] == ["code: step audit removed"]


def test_a_renamed_step_is_one_cause() -> None:
    fit = replace(OLD.steps[1], name="fit")
    renamed = replace(
        OLD,
        steps=(OLD.steps[0], fit, OLD.steps[2]),
        tasks=(OLD.tasks[0], replace(OLD.tasks[1], step="fit"), OLD.tasks[2]),
    )
    changes = diff(OLD, renamed, gates=GATES)
    (cause,) = causes_of(OLD, renamed, changes)
    assert cause.text == "step train renamed to fit, with equal results"
    assert cause.steps == ("train", "fit")
    # The tests of both steps have the same cause, which a report shows once.
    parts = [[c for c in changes if c.step == name] for name in cause.steps]
    assert [causes_of(OLD, renamed, part) for part in parts] == [(cause,), (cause,)]


@pytest.mark.parametrize(("number", "shown"), [(3, "p0 1 -> 2, p1 1 -> 2, p2 1 -> 2"), (5, "more")])
def test_a_long_list_is_cut(number: int, shown: str) -> None:
    def packed(version: str) -> Recording:
        (base,) = OLD.environments
        packages = [
            Package(name=f"p{at}", version=version, record=version, via=()) for at in range(number)
        ]
        return replace(OLD, environments=(replace(base, packages=tuple(packages)),))

    _, (cause,) = compare(packed("2"), packed("1"))
    assert cause.startswith(f"environment: {number} packages changed: p0 1 -> 2, ")
    assert cause.endswith(shown)


def test_a_changed_file_without_an_effect_on_any_step_says_so() -> None:
    commented = replace(OLD, code=(CodeFile(path="train.py", sha256="other"),))
    (change,) = diff(OLD, commented, gates=GATES)
    assert change.explanation == ("every step runs the same code as before",)
    (code, *_) = diff(OLD, flow(code="1 2 1"), gates=GATES)
    assert (code.kind, code.explanation) == ("code", ())
    unknown = replace(flow(code="? ? ?"), code=commented.code)
    assert diff(OLD, unknown, gates=GATES)[0].explanation == ()
