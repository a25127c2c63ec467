"""The settings of a project, of its flows and of their cases.

Each field declares its key in `[tool.flowrepro]`; docs/reference/configuration.md describes them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pytest_flowrepro.model import DEFAULT_PROFILE, FULL_VALUES, Gate, NumericProfile
from pytest_flowrepro.model.patterns import NO_PATTERNS, Patterns
from pytest_flowrepro.model.policy import MACHINE
from pytest_flowrepro.settings.keys import merged, read_by, replaced, resettable
from pytest_flowrepro.settings.parsers import (
    KEPT,
    MOST_RUNS,
    parse_boolean,
    parse_cache_age,
    parse_cache_size,
    parse_conda,
    parse_configs,
    parse_count,
    parse_cpu,
    parse_folder,
    parse_gates,
    parse_kept_bytes,
    parse_runs,
    parse_seconds,
    parse_string,
    parse_strings,
    parse_threads,
    parse_values,
)
from pytest_flowrepro.settings.patterns import read_patterns
from pytest_flowrepro.settings.variables import read_variables
from pytest_flowrepro.support.amounts import parse_age, parse_size
from pytest_flowrepro.support.errors import SettingsError
from pytest_flowrepro.support.hardware import CPU_LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.settings.table import Table
    from pytest_flowrepro.settings.variables import PassedThrough
    from pytest_flowrepro.support.strict_json import Json

DEFAULT_TIMEOUT = 600.0
"""Seconds for one rerun of one flow."""

DEFAULT_GATES: frozenset[Gate] = frozenset({"environment", "artifacts", "policy"})

_GATES = get_args(Gate)


def _read_location(table: Table, inherited: str | None) -> Any:
    return table.read_or_off("wheelhouse", inherited, "a folder or a URL", table.location)


def _read_numeric(table: Table, inherited: NumericProfile) -> NumericProfile:
    levels = ", ".join(f'"{level}"' for level in CPU_LEVELS)
    return NumericProfile(
        threads=table.read(
            "threads",
            inherited.threads,
            f'an integer above 0 or "{MACHINE}"',
            parse_threads,
            choices=(MACHINE,),
        ),
        cpu=table.read(
            "cpu",
            inherited.cpu,
            f'one of {levels}, or "{MACHINE}"',
            parse_cpu,
            choices=(*CPU_LEVELS, MACHINE),
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowSettings:
    """The configuration of one case of one flow."""

    parameters: Mapping[str, Json] = field(
        default_factory=dict,
        metadata=merged("parameters", "a table of values", parse_values, scope="flow"),
    )
    """Values by the name that the parameter has on Metaflow's command line."""
    configs: Mapping[str, Json] = field(
        default_factory=dict,
        metadata=merged(
            "configs", "a table of files (strings) and values", parse_configs, scope="flow"
        ),
    )
    """Configs by name: a string is a file, `{"value": ...}` a value."""
    env: Mapping[str, str | PassedThrough] = field(
        default_factory=dict, metadata=read_by(read_variables, "env")
    )
    """Environment variables for the flow."""
    cwd: str | None = field(
        default=None, metadata=resettable("cwd", "a folder, relative to this file", parse_folder)
    )
    """The folder that the flow is started in, relative to the project; None: its own folder."""
    after: tuple[str, ...] = field(
        default=(), metadata=replaced("after", "a list of flows", parse_strings, scope="flow")
    )
    """Flows to rerun first, into the same datastore."""
    max_workers: int | None = field(
        default=None, metadata=resettable("max-workers", "an integer above 0", parse_count)
    )
    """Number of tasks at a time; None: the number of processors that this process may use."""
    warm: bool = field(default=True, metadata=replaced("warm", "true or false", parse_boolean))
    """True if tasks are forks of a process that has imported Metaflow."""
    include: tuple[str, ...] = field(
        default=(), metadata=replaced("include", "a list of globs", parse_strings)
    )
    requirements: str | None = field(
        default=None, metadata=resettable("requirements", "a path", parse_string)
    )
    extras: tuple[str, ...] = field(
        default=(), metadata=replaced("extras", "a list of extras", parse_strings)
    )
    """The extras of the project that declares the requirements."""
    groups: tuple[str, ...] = field(
        default=(), metadata=replaced("groups", "a list of dependency groups", parse_strings)
    )
    """The dependency groups of that project."""
    wheelhouse: str | None = field(default=None, metadata=read_by(_read_location, "wheelhouse"))
    """The folder, as absolute path or URL, in which the locked wheels are kept."""
    conda_from_pypi: bool = field(
        default=False, metadata=replaced("conda", '"pypi" or false', parse_conda, choices=("pypi",))
    )
    """True if the flow's conda packages are to be taken from PyPI, by the same names."""
    conda_channels: tuple[str, ...] = field(
        default=(), metadata=replaced("conda-channels", "a list of conda channels", parse_strings)
    )
    """Names or URLs; empty: those of CONDA_CHANNELS, or conda-forge."""
    encoders: str | None = field(
        default=None, metadata=resettable("encoders", "a path", parse_string)
    )
    """A Python file, relative to the project (in_venv/_flowrepro/encoders.py)."""
    patterns: Patterns = field(
        default=NO_PATTERNS, metadata=read_by(read_patterns, "ignore", "rtol", "atol")
    )
    numeric: NumericProfile = field(
        default=DEFAULT_PROFILE, metadata=read_by(_read_numeric, "threads", "cpu")
    )
    timeout: float = field(
        default=DEFAULT_TIMEOUT,
        metadata=replaced("timeout", "a number of seconds above 0", parse_seconds),
    )
    record_runs: int = field(
        default=MOST_RUNS,
        metadata=replaced("record-runs", f"an integer from 1 to {MOST_RUNS}", parse_runs),
    )
    """Maximum number of reruns of a recording; 1: no comparison, for flows that cost too much."""
    values: int = field(
        default=KEPT["summary"],
        metadata=replaced(
            "values",
            f'"summary", "full", or a number of bytes up to {FULL_VALUES:_}',
            parse_kept_bytes,
            choices=KEPT,
        ),
    )
    """Maximum number of bytes of a value that is kept whole in addition to its summary."""
    fail_on: frozenset[Gate] = field(
        default=DEFAULT_GATES,
        metadata=replaced(
            "fail-on",
            "a list out of " + ", ".join(f'"{gate}"' for gate in _GATES),
            parse_gates,
            choices=_GATES,
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The whole table."""

    file: Path
    """The pyproject.toml, which need not exist."""
    flows: tuple[str, ...] | None = field(
        default=None, metadata=replaced("flows", "a list of globs", parse_strings, scope="project")
    )
    """Globs relative to the project; None: every file that starts a flow."""
    cache_max_size: int = field(
        default=parse_size("10GB"),
        metadata=replaced(
            "cache-max-size", 'a size such as "5GB"', parse_cache_size, scope="project"
        ),
    )
    """Bytes that a session leaves in the user's caches."""
    cache_max_age: float = field(
        default=parse_age("30d"),
        metadata=replaced(
            "cache-max-age", 'an age such as "30d"', parse_cache_age, scope="project"
        ),
    )
    """Seconds after their last use for which a session keeps cached files."""
    project: FlowSettings = FlowSettings()
    by_flow: Mapping[str, FlowSettings] = field(default_factory=dict)
    by_case: Mapping[str, Mapping[str, FlowSettings]] = field(default_factory=dict)

    def flow_files(self) -> frozenset[Path] | None:
        """Return the files that `flows` names; None without that key.

        Raises `SettingsError` for a pattern that matches nothing.
        """
        if self.flows is None:
            return None
        files: set[Path] = set()
        for pattern in self.flows:
            paths = self.file.parent.glob(pattern)
            matching = {Path(os.path.normpath(path)) for path in paths}
            if not matching:
                raise SettingsError(
                    f"{self.file}: tool.flowrepro.flows: `{pattern}` matches no file",
                    hint="correct the pattern, which is relative to that file, or remove it",
                )
            files |= matching
        return frozenset(files)

    @property
    def literal_flow_files(self) -> frozenset[Path]:
        """The files that `flows` names literally, not by a glob."""
        literal = (pattern for pattern in self.flows or () if not set(pattern) & set("*?["))
        return frozenset(self.file.parent / pattern for pattern in literal)

    def cases(self, flow: str) -> tuple[str | None, ...]:
        """Return None for the flow itself, followed by its named cases."""
        return (None, *self.by_case.get(flow, {}))

    def for_flow(self, flow: str, case: str | None = None) -> FlowSettings:
        if case is not None:
            return self.by_case[flow][case]
        return self.by_flow.get(flow, self.project)
