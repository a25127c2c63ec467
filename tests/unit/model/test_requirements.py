from __future__ import annotations

import pytest
from packaging.requirements import InvalidRequirement
from requirement_lines import requirement_lines

from pytest_flowrepro.model import CondaSpec, Constraints, RequirementLine, Requirements


def test_a_requirement_keeps_the_text_that_a_baseline_records() -> None:
    line = RequirementLine("Flow_Tools[b,a]>=2,<3 ; python_version < '4'")
    assert str(line) == line.text == "Flow_Tools[b,a]>=2,<3 ; python_version < '4'"
    assert line.name == "flow-tools"
    assert line.parsed.extras == {"a", "b"}
    assert line == RequirementLine(line.text) != RequirementLine("flow-tools")
    with pytest.raises(InvalidRequirement):
        RequirementLine("six==")


def test_the_digest_of_constraints_is_that_of_their_sorted_lines() -> None:
    some, others = (
        Constraints.of("limits.txt", requirement_lines(*lines))
        for lines in (("six<2", "idna"), ("idna", "six<2"))
    )
    assert some == others != Constraints.of("limits.txt", requirement_lines("idna"))


def test_requirements_are_shown_as_they_are_written() -> None:
    declared = Requirements(requirements=requirement_lines("b", "a>=1,<2"), source="a.txt")
    assert declared.lines == ("b", "a>=1,<2")


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("six", "six", ""),
        ("six==1.15", "six", "==1.15"),
        ("six >=1.15,<2", "six", ">=1.15,<2"),
        ("numpy 1.26.* py311_0", "numpy", "1.26.* py311_0"),
        ("six!=1", "six", "!=1"),
        ("conda-forge::six=1.15=0", "six", "=1.15=0"),
        ("https://conda.anaconda.org/conda-forge::Six>=1", "six", ">=1"),
        ("libblas[version='>=3']", "libblas", "[version='>=3']"),
        ("__glibc >=2.17,<3.0.a0", "__glibc", ">=2.17,<3.0.a0"),
    ],
)
def test_a_conda_spec_has_a_name_and_a_version(text: str, name: str, version: str) -> None:
    spec = CondaSpec.parse(text)
    assert (spec.name, spec.version) == (name, version)
    assert str(spec) == text


def test_a_conda_spec_may_name_its_channel() -> None:
    assert CondaSpec.parse("conda-forge::six>=1") == CondaSpec("six>=1", channel="conda-forge")
    assert CondaSpec.parse("six>=1").channel is None
