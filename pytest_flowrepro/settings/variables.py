"""`env`: the environment variables of a flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.settings.table import Table

_OWN_VARIABLES = frozenset(
    {
        "HOME",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL",
        "METAFLOW_HOME",
        "PYTHONHASHSEED",
        "PYTHONNOUSERSITE",
        "PYTHONPYCACHEPREFIX",
        "VIRTUAL_ENV",
    }
)
"""Variables that every rerun needs: `rerun.flow_environment` sets them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedThrough:
    """A variable whose value comes from the user's environment, and is never stored."""


def read_variables(
    table: Table, inherited: Mapping[str, str | PassedThrough]
) -> dict[str, str | PassedThrough]:
    """Return the `env` table on top of the inherited variables; report each problem."""
    variables = table.table("env")
    expected = "a string, or { pass = true } to take it from the environment"
    merged = dict(inherited)
    for name in variables.names():
        if name in _OWN_VARIABLES or name.startswith("FLOWREPRO_"):
            variables.problem(name, "is reserved: the rerun sets it")
        elif not name or "=" in name or "\0" in name:
            variables.problem(name, "not a valid name of an environment variable")
        else:
            value = variables.read_or_off(name, "", expected, _variable)
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = value
    return merged


def _variable(value: Any) -> str | PassedThrough:
    if isinstance(value, dict) and list(value) == ["pass"] and value["pass"] is True:
        return PassedThrough()
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value
