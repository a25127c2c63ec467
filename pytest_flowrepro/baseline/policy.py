"""Reading the policy from manifest.json."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, get_args

from pytest_flowrepro.model import CodeFile, Gate, NumericProfile, Policy
from pytest_flowrepro.model.patterns import Patterns, Terms
from pytest_flowrepro.model.policy import DEFAULTS, MACHINE, optional_settings
from pytest_flowrepro.support.hardware import CPU_LEVELS

if TYPE_CHECKING:
    from pytest_flowrepro.support.json_node import JsonNode


def read_policy(node: JsonNode) -> Policy:
    """Return the policy that `pytest_flowrepro.model.policy.policy_json` wrote."""
    optional = tuple(key for key, _ in optional_settings(DEFAULTS))
    fields = node.record("fail-on", "threads", "cpu", optional=optional)
    encoders = fields["encoders"].record("file", "sha256") if "encoders" in fields else None
    return Policy(
        fail_on=frozenset(_read_gate(item) for item in fields["fail-on"].items()),
        patterns=_read_patterns(fields),
        env=tuple(
            (name, _read_variable(value)) for name, value in _optional_entries(fields, "env")
        ),
        parameters=tuple(
            (name, value.value) for name, value in _optional_entries(fields, "parameters")
        ),
        configs=tuple((name, value.value) for name, value in _optional_entries(fields, "configs")),
        include=_texts(fields, "include"),
        cwd=fields["cwd"].text() if "cwd" in fields else None,
        after=_texts(fields, "after"),
        encoders=CodeFile(path=encoders["file"].text(), sha256=encoders["sha256"].text())
        if encoders
        else None,
        conda_from_pypi="conda" in fields and _read_conda(fields["conda"]),
        conda_channels=_texts(fields, "conda-channels"),
        numeric=read_profile(fields),
    )


def read_profile(fields: dict[str, JsonNode]) -> NumericProfile:
    """Return the profile that `pytest_flowrepro.model.policy.profile_json` wrote."""
    return NumericProfile(threads=_read_threads(fields["threads"]), cpu=_read_cpu(fields["cpu"]))


def _optional_entries(fields: dict[str, JsonNode], key: str) -> list[tuple[str, JsonNode]]:
    return fields[key].entries() if key in fields else []


def _optional_items(fields: dict[str, JsonNode], key: str) -> list[JsonNode]:
    return fields[key].items() if key in fields else []


def _texts(fields: dict[str, JsonNode], key: str) -> tuple[str, ...]:
    return fields[key].texts() if key in fields else ()


def _read_gate(node: JsonNode) -> Gate:
    for gate in get_args(Gate):
        if node.value == gate:
            valid: Gate = gate
            return valid
    raise node.wrong(f"one of {', '.join(get_args(Gate))}")


def _read_variable(node: JsonNode) -> str | None:
    if isinstance(node.value, dict):
        if node.record("pass")["pass"].boolean():
            return None
        raise node.wrong('a string or {"pass": true}')
    return node.text()


def _read_threads(node: JsonNode) -> int | None:
    if node.value == MACHINE:
        return None
    if isinstance(node.value, bool) or not isinstance(node.value, int) or node.value < 1:
        raise node.wrong(f'a number above 0 or "{MACHINE}"')
    return node.value


def _read_cpu(node: JsonNode) -> str | None:
    if node.value == MACHINE:
        return None
    if node.value not in CPU_LEVELS:
        raise node.wrong(f"one of {', '.join(CPU_LEVELS)}, {MACHINE}")
    return node.text()


def _read_conda(node: JsonNode) -> bool:
    if node.value != "pypi":
        raise node.wrong('"pypi"')
    return True


def _read_patterns(fields: dict[str, JsonNode]) -> Patterns:
    patterns = {
        key: [_read_pattern(key, node) for node in _optional_items(fields, key)]
        for key in ("ignore", "rtol", "atol")
    }
    return Patterns(
        ignore=tuple(terms.pattern for terms, _ in patterns["ignore"]),
        rtol=tuple((terms.pattern, tolerance) for terms, tolerance in patterns["rtol"]),
        atol=tuple((terms.pattern, tolerance) for terms, tolerance in patterns["atol"]),
        terms=tuple(terms for entries in patterns.values() for terms, _ in entries if terms),
    )


def _read_pattern(key: str, node: JsonNode) -> tuple[Terms, float]:
    keys = ("pattern",) if key == "ignore" else ("pattern", "tolerance")
    fields = node.record(*keys, optional=("reason", "until"))
    terms = Terms(
        key=key,
        pattern=fields["pattern"].text(),
        reason=fields["reason"].text() if "reason" in fields else None,
        until=_read_day(fields["until"]) if "until" in fields else None,
    )
    return terms, fields["tolerance"].number() if "tolerance" in fields else 0.0


def _read_day(node: JsonNode) -> date:
    try:
        return date.fromisoformat(node.text())
    except ValueError:
        raise node.wrong("a day, YYYY-MM-DD") from None
