from __future__ import annotations

from pytest_flowrepro.model import RequirementLine


def requirement_lines(*texts: str) -> tuple[RequirementLine, ...]:
    return tuple(map(RequirementLine, texts))
