from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recordings import recording

from pytest_flowrepro.environment.steps import StepEnvironment, step_environments
from pytest_flowrepro.model import CondaPackages, CondaSpec, Decorator, Interpreter, Package, Step
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json

METAFLOW = Package(name="metaflow", version="2.19.39", record="sha256:0", via=())
BASE = replace(
    recording().environments[0], python=Interpreter("cpython", "3.11.7"), packages=(METAFLOW,)
)
ALWAYS = ("metaflow==2.19.39", "requests>=2.21.0")


def step(name: str, **decorators: dict[str, Json]) -> Step:
    return Step(
        name=name,
        type="linear",
        next=(),
        decorators=tuple(Decorator(name=n, attributes=given) for n, given in decorators.items()),
    )


def of_conda(python: str, *specs: str) -> CondaPackages:
    texts = (python, "requests>=2.21.0", *specs)
    return CondaPackages(specs=tuple(map(CondaSpec.parse, texts)), channels=())


def found(*steps: Step, conda_from_pypi: bool = False) -> tuple[StepEnvironment, ...]:
    return step_environments(steps, base=BASE, conda_from_pypi=conda_from_pypi)


WHEEL = "https://example.org/pandas-2.1.1-py3-none-any.whl"


@pytest.mark.parametrize(
    ("name", "version", "line"),
    [
        ("pandas", "2.1.1", "pandas==2.1.1"),
        ("pandas", "==2.1.1", "pandas==2.1.1"),
        ("pandas", ">=1.2,<2", "pandas<2,>=1.2"),
        ("pandas", "!=2.0", "pandas!=2.0"),
        ("pandas", "~=2.1", "pandas~=2.1"),
        ("pandas", "", "pandas"),
        ("pandas[performance]", "2.1.1", "pandas[performance]==2.1.1"),
        ("pandas", f"@ {WHEEL}", f"pandas @ {WHEEL}"),
        ("pandas[performance]", f"@{WHEEL}", f"pandas[performance] @ {WHEEL}"),
    ],
)
def test_a_version_as_metaflow_takes_it(name: str, version: str, line: str) -> None:
    (only,) = found(step("train", pypi={"packages": {name: version}}))
    assert set(only.requirements.lines) == {line, *ALWAYS}


def test_equal_declarations_share_an_environment_that_is_named_after_the_first_step() -> None:
    six: dict[str, Json] = {"packages": {"six": "1.16.0"}}
    shared, other = found(
        step("start", pypi=six),
        step("train", pypi={"packages": {"six": ""}}),
        step("score", pypi=six),
        step("end"),
    )
    assert (shared.name, shared.steps) == ("step-start", ("start", "score"))
    assert (other.name, other.steps) == ("step-train", ("train",))


@pytest.mark.parametrize(
    "decorators",
    [
        {},
        {"pypi": {"packages": {}, "python": None, "disabled": False}},
        {"pypi": {"packages": {"six": ""}, "disabled": True}},
        {"conda": {"packages": {"six": ""}, "disabled": "true"}},
        {"conda": {"packages": {}, "python": "3.11.7", "disabled": False}},
    ],
)
def test_a_step_that_declares_nothing_runs_where_the_flow_does(
    decorators: dict[str, dict[str, Json]],
) -> None:
    assert found(step("train", **decorators)) == ()


def test_a_python_of_its_own_is_an_environment_of_its_own() -> None:
    (only,) = found(step("train", pypi={"packages": {}, "python": "3.9.10"}))
    assert (only.python, only.requirements.lines) == ("3.9.10", ALWAYS)


def test_a_python_that_conda_names_comes_from_conda() -> None:
    train = step("train", conda={"packages": {}, "python": "3.9.10"})
    (only,) = found(train)
    assert (only.python, only.requirements.conda) == ("3.9.10", of_conda("python==3.9.10"))
    (only,) = found(train, conda_from_pypi=True)
    assert (only.python, only.requirements.conda) == ("3.9.10", None)
    assert only.requirements.lines == ALWAYS
    both = step("train", conda={"python": "3.9.10"}, pypi={"packages": {"six": ""}})
    (only,) = found(both)
    assert (only.python, only.requirements.conda) == ("3.9.10", None)


def test_conda_packages_come_from_pypi_only_where_that_is_asked_for() -> None:
    train = step("train", conda={"packages": {"conda-forge::six": "=1.16.0"}, "python": "3.11.7"})
    (only,) = found(train)
    assert only.requirements.conda == of_conda("python==3.11.7", "conda-forge::six=1.16.0")
    assert (only.requirements.lines, only.from_conda) == ((), ())
    (only,) = found(train, conda_from_pypi=True)
    assert only.requirements.conda is None
    assert set(only.requirements.lines) == {"six==1.16.0", *ALWAYS}
    assert only.from_conda == ("conda-forge::six",)


def test_equal_conda_packages_share_one_environment() -> None:
    steps = [step(name, conda={"packages": {"six": "1"}}) for name in ("train", "tune")]
    other = step("test", conda={"packages": {"six": "2"}})
    assert [one.steps for one in found(*steps, other)] == [("train", "tune"), ("test",)]


def test_both_sources_in_one_step_and_an_invalid_version_are_refused() -> None:
    both: dict[str, Json] = {"packages": {"six": ""}}
    with pytest.raises(LockError, match="from both PyPI and conda"):
        found(step("train", pypi=both, conda=both))
    invalid = "^Step train: 'six' with version 'new!' is not a valid requirement\n"
    with pytest.raises(LockError, match=invalid) as caught:
        found(step("train", pypi={"packages": {"six": "new!"}}))
    assert "`>=1.2,<2`" in caught.value.hint


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("@ git+https://bob:pw@host/six", "a version control URL has no hash to pin"),
        ("@ https://host/six-1.17.0.tar.gz", "a URL is not a package of an index"),
    ],
)
def test_a_url_without_a_hash_is_refused_before_anything_is_fetched(
    version: str, told: str
) -> None:
    with pytest.raises(LockError, match="Step train: 'six' with version '@ ") as caught:
        found(step("train", pypi={"packages": {"six": version}}))
    assert caught.value.detail.startswith(told)
    assert "pw" not in str(caught.value)
