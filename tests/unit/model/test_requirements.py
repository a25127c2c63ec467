from __future__ import annotations

import pytest
from packaging.requirements import InvalidRequirement
from requirement_lines import requirement_lines

from pytest_flowrepro.model import Constraints, RequirementLine, Requirements


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
