"""`[tool.flowrepro]` of pyproject.toml: read once, checked as a whole, merged per flow and case."""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, get_args

from pytest_flowrepro.model import DEFAULT_PROFILE, FULL_VALUES, Gate, NumericProfile
from pytest_flowrepro.model.patterns import ANY_DEPTH, NO_PATTERNS, Numbers, Patterns, Terms
from pytest_flowrepro.model.policy import MACHINE
from pytest_flowrepro.support.errors import SettingsError
from pytest_flowrepro.support.hardware import CPU_LEVELS
from pytest_flowrepro.support.redaction import without_credentials
from pytest_flowrepro.support.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_flowrepro.support.strict_json import Json

DEFAULT_TIMEOUT = 600.0
"""Seconds for one rerun of one flow."""

DEFAULT_GATES: frozenset[Gate] = frozenset({"environment", "artifacts", "policy"})


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedThrough:
    """A variable whose value comes from the user's environment, and is never stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowSettings:
    """The configuration of one case of one flow."""

    parameters: Mapping[str, Json] = field(default_factory=dict)
    """Values by the name that the parameter has on Metaflow's command line."""
    configs: Mapping[str, Json] = field(default_factory=dict)
    """Configs by name: a string is a file, `{"value": ...}` a value."""
    env: Mapping[str, str | PassedThrough] = field(default_factory=dict)
    """Environment variables for the flow."""
    cwd: str | None = None
    """The folder that the flow is started in, relative to the project; None: its own folder."""
    after: tuple[str, ...] = ()
    """Flows to rerun first, into the same datastore."""
    max_workers: int | None = None
    """Number of tasks at a time; None: the number of processors that this process may use."""
    warm: bool = True
    """True if tasks are forks of a process that has imported Metaflow."""
    include: tuple[str, ...] = ()
    requirements: str | None = None
    extras: tuple[str, ...] = ()
    """The extras of the project that declares the requirements."""
    groups: tuple[str, ...] = ()
    """The dependency groups of that project."""
    wheelhouse: str | None = None
    """The folder, as absolute path or URL, in which the locked wheels are kept."""
    conda_from_pypi: bool = False
    """True if the flow's conda packages are to be taken from PyPI, by the same names."""
    conda_channels: tuple[str, ...] = ()
    """Names or URLs; empty: those of CONDA_CHANNELS, or conda-forge."""
    encoders: str | None = None
    """A Python file, relative to the project (in_venv/_flowrepro/encoders.py)."""
    patterns: Patterns = NO_PATTERNS
    """`ignore`, `rtol` and `atol`."""
    numeric: NumericProfile = DEFAULT_PROFILE
    """`threads` and `cpu`."""
    timeout: float = DEFAULT_TIMEOUT
    record_runs: int = 11
    """Maximum number of reruns of a recording; 1: no comparison, for flows that cost too much."""
    values: int = 0
    """Maximum number of bytes of a value that is kept whole in addition to its summary."""
    fail_on: frozenset[Gate] = DEFAULT_GATES


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The whole table."""

    file: Path
    """The pyproject.toml, which need not exist."""
    flows: tuple[str, ...] | None = None
    """Globs relative to the project; None: every file that starts a flow."""
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


def read_settings(root: Path) -> Settings:
    """Return the settings in `root`/pyproject.toml, or the defaults if it has no such table.

    Raises `SettingsError`, which lists every problem with its key.
    """
    file = root / "pyproject.toml"
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return Settings(file=file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{file} cannot be read: {error}", hint="fix the file and run again"
        ) from error
    problems: list[str] = []
    tool = _Table(document, "", problems, root).table("tool")
    tool.check_misspelt("flowrepro")
    settings = _project(tool.table("flowrepro"), file)
    if problems:
        raise SettingsError(
            f"{file}: " + "\n".join(problems),
            hint="correct the keys that are named above",
        )
    return settings


class _Table:
    """A TOML table that is read key by key; problems are collected, each with its full key."""

    def __init__(self, data: Mapping[str, Any], key: str, problems: list[str], root: Path) -> None:
        self._data = data
        self._key = key
        self._problems = problems
        self._root = root

    def path(self, key: str) -> str:
        return f"{self._key}.{key}" if self._key else key

    def problem(self, key: str, text: str) -> None:
        self._problems.append(f"{self.path(key)}: {text}")

    def table(self, key: str) -> _Table:
        value = self._data.get(key, {})
        if not isinstance(value, dict):
            self.problem(key, f"must be a table, not {_toml_type(value)}")
            value = {}
        return _Table(value, self.path(key), self._problems, self._root)

    def inner(self, key: str, value: Mapping[str, Any]) -> _Table:
        """Return a table inside the value of a key."""
        return _Table(value, self.path(key), self._problems, self._root)

    def location(self, value: Any) -> str:
        """Return a URL as it is, or the absolute path of a path relative to the file's folder."""
        text = _string(value)
        return text if "://" in text else os.path.normpath(self._root / Path(text).expanduser())

    def names(self) -> tuple[str, ...]:
        return tuple(self._data)

    def check_misspelt(self, known: str) -> None:
        """Report each key that is not `known`, but close enough to mean it."""
        for key in self._data:
            bare = re.sub(r"[^a-z]", "", key.lower()).removeprefix("pytest")
            if key != known and difflib.get_close_matches(bare, [known], n=1, cutoff=0.85):
                self.problem(key, f"unknown table; did you mean `{self.path(known)}`?")

    def only(self, *known: str) -> None:
        for key in self._data:
            if key not in known:
                meant = did_you_mean(key, known) or f"; known: {', '.join(known)}"
                self.problem(key, f"unknown key{meant}")

    def read(
        self,
        key: str,
        default: Any,
        wanted: str,
        parse: Callable[[Any], Any],
        choices: Iterable[str] = (),
    ) -> Any:
        """Return the parsed value; `default` without the key, and if `parse` raises ValueError.

        `choices` are the texts that the value may have: the problem suggests the closest one.
        """
        if key not in self._data:
            return default
        value = self._data[key]
        try:
            return parse(value)
        except ValueError:
            items = value if isinstance(value, list) else [value]
            wrong = (item for item in items if isinstance(item, str) and item not in choices)
            meant = "".join(dict.fromkeys(did_you_mean(item, choices) for item in wrong))
            self.problem(key, f"must be {wanted}, not {_toml_type(value)}{meant}")
            return default

    def required(self, key: str, wanted: str, parse: Callable[[Any], Any]) -> Any:
        """Read a value as `read` does; return None for a missing key, and report it."""
        if key not in self._data:
            self.problem(key, f"is missing; it must be {wanted}")
        return self.read(key, None, wanted, parse)

    def read_or_off(self, key: str, default: Any, wanted: str, parse: Callable[[Any], Any]) -> Any:
        """Read a value as `read` does; return None for `false`, which resets an inherited one."""
        if self._data.get(key) is False:
            return None
        return self.read(key, default, f"{wanted}, or false", parse)


_OF_ONE_FLOW = ("parameters", "configs", "after")

_SHARED = (
    "env",
    "cwd",
    "max-workers",
    "warm",
    "include",
    "requirements",
    "extras",
    "groups",
    "wheelhouse",
    "conda",
    "conda-channels",
    "encoders",
    "ignore",
    "rtol",
    "atol",
    "threads",
    "cpu",
    "timeout",
    "record-runs",
    "values",
    "fail-on",
)

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


def _project(table: _Table, file: Path) -> Settings:
    table.only("flows", *_SHARED, "flow")
    project = _flow(table, FlowSettings())
    by_flow: dict[str, FlowSettings] = {}
    by_case: dict[str, dict[str, FlowSettings]] = {}
    flow_tables = table.table("flow")
    for name in flow_tables.names():
        flow_table = flow_tables.table(name)
        flow_table.only(*_OF_ONE_FLOW, *_SHARED, "case")
        by_flow[name] = _flow(flow_table, project)
        cases = flow_table.table("case")
        for case in cases.names():
            case_table = cases.table(case)
            case_table.only(*_OF_ONE_FLOW, *_SHARED)
            by_case.setdefault(name, {})[case] = _flow(case_table, by_flow[name])
    return Settings(
        file=file,
        flows=table.read("flows", None, "a list of globs", _strings),
        project=project,
        by_flow=by_flow,
        by_case=by_case,
    )


def _flow(table: _Table, inherited: FlowSettings) -> FlowSettings:
    """Return the table's values on top of the inherited ones; named entries merge by name."""
    own_parameters = table.read("parameters", {}, "a table of values", _values)
    own_configs = table.read("configs", {}, "a table of files (strings) and values", _configs)
    gates = ", ".join(f'"{gate}"' for gate in get_args(Gate))
    read, read_or_off = table.read, table.read_or_off
    return replace(
        inherited,
        parameters={**inherited.parameters, **own_parameters},
        configs={**inherited.configs, **own_configs},
        env=_environment(table, inherited.env),
        cwd=read_or_off("cwd", inherited.cwd, "a folder, relative to this file", _folder),
        after=read("after", inherited.after, "a list of flows", _strings),
        max_workers=read_or_off("max-workers", inherited.max_workers, "an integer above 0", _count),
        warm=read("warm", inherited.warm, "true or false", _boolean),
        include=read("include", inherited.include, "a list of globs", _strings),
        requirements=read_or_off("requirements", inherited.requirements, "a path", _string),
        wheelhouse=read_or_off(
            "wheelhouse", inherited.wheelhouse, "a folder or a URL", table.location
        ),
        extras=read("extras", inherited.extras, "a list of extras", _strings),
        groups=read("groups", inherited.groups, "a list of dependency groups", _strings),
        patterns=_patterns(table, inherited.patterns),
        encoders=read_or_off("encoders", inherited.encoders, "a path", _string),
        conda_from_pypi=read(
            "conda", inherited.conda_from_pypi, '"pypi" or false', _conda, choices=("pypi",)
        ),
        conda_channels=read(
            "conda-channels", inherited.conda_channels, "a list of conda channels", _strings
        ),
        numeric=_numeric(table, inherited.numeric),
        timeout=read("timeout", inherited.timeout, "a number of seconds above 0", _seconds),
        record_runs=read("record-runs", inherited.record_runs, "an integer from 1 to 11", _runs),
        values=read("values", inherited.values, _VALUES, _kept_bytes, choices=_KEPT),
        fail_on=read(
            "fail-on", inherited.fail_on, f"a list out of {gates}", _gates, choices=get_args(Gate)
        ),
    )


def _numeric(table: _Table, inherited: NumericProfile) -> NumericProfile:
    levels = ", ".join(f'"{level}"' for level in CPU_LEVELS)
    return NumericProfile(
        threads=table.read(
            "threads",
            inherited.threads,
            f'an integer above 0 or "{MACHINE}"',
            _threads,
            choices=(MACHINE,),
        ),
        cpu=table.read(
            "cpu",
            inherited.cpu,
            f'one of {levels}, or "{MACHINE}"',
            _cpu,
            choices=(*CPU_LEVELS, MACHINE),
        ),
    )


def _threads(value: Any) -> int | None:
    return None if value == MACHINE else _count(value)


def _cpu(value: Any) -> str | None:
    if value == MACHINE:
        return None
    if value not in CPU_LEVELS:
        raise ValueError
    return str(value)


def _patterns(table: _Table, inherited: Patterns) -> Patterns:
    """Return the patterns: `ignore` replaces the inherited, tolerances are added to them."""
    ignore = _ignored(table)
    rtol, atol = _tolerances(table, "rtol"), _tolerances(table, "atol")
    kept = Patterns(
        ignore=inherited.ignore if ignore is None else (),
        rtol=_not_among(rtol, inherited.rtol),
        atol=_not_among(atol, inherited.atol),
    )
    own = (*(ignore or ()), *(terms for terms, _ in (*(rtol or ()), *(atol or ()))))
    return Patterns(
        ignore=(*kept.ignore, *(terms.pattern for terms in ignore or ())),
        rtol=(*kept.rtol, *((terms.pattern, number) for terms, number in rtol or ())),
        atol=(*kept.atol, *((terms.pattern, number) for terms, number in atol or ())),
        terms=(
            *(t for t in inherited.terms if (t.key, t.pattern) in set(kept)),
            *filter(None, own),
        ),
    )


def _not_among(own: list[tuple[Terms, float]] | None, inherited: Numbers) -> Numbers:
    """Return inherited tolerances for other patterns than the table's; none if switched off."""
    patterns = {terms.pattern for terms, _ in own or ()}
    return () if own is None else tuple(entry for entry in inherited if entry[0] not in patterns)


def _ignored(table: _Table) -> list[Terms] | None:
    """Return the patterns of the table itself; None without the key."""
    wanted = (
        'a list of patterns like "step.artifact" or "step.artifact.rows.*.id", or of tables like '
        '{ pattern = "step.artifact", reason = "...", until = "2027-03-31" }'
    )
    items = table.read("ignore", None, wanted, _strings_and_tables)
    if items is None:
        return None
    ignored = []
    for position, item in enumerate(items):
        entry = table.inner(
            f"ignore[{position}]", item if isinstance(item, dict) else {"pattern": item}
        )
        entry.only("pattern", *_TERMS)
        pattern = entry.required("pattern", 'a pattern like "step.artifact"', _string)
        if pattern is not None:
            if problem := _problem_of(pattern):
                table.problem("ignore", f"`{pattern}` {problem}")
            ignored.append(_terms(entry, table.path("ignore"), "ignore", pattern))
    return ignored


def _tolerances(table: _Table, key: str) -> list[tuple[Terms, float]] | None:
    """Return the tolerances of the table itself; None if it switches them off.

    A single number applies to everything.
    """
    number = "a finite number that is 0 or above"
    wanted = f"{number}, or a table of patterns with such numbers"
    entries = table.read_or_off(key, {}, wanted, _by_pattern)
    if entries is None:
        return None
    tolerances = []
    for pattern, value in entries.items():
        if problem := _problem_of(pattern):
            table.problem(key, f"`{pattern}` {problem}")
            continue
        if _has_terms(value):
            entry = table.inner(f'{key}."{pattern}"', value)
            entry.only("tolerance", *_TERMS)
            tolerance = entry.required("tolerance", number, _tolerance)
            if tolerance is not None:
                tolerances.append((_terms(entry, table.path(key), key, pattern), tolerance))
            continue
        try:
            tolerances.append((Terms(key=key, pattern=pattern), _tolerance(value)))
        except ValueError:
            quotes = "; put a pattern in quotes" if isinstance(value, dict) else ""
            problem = f"must have {number}, not {_toml_type(value)}{quotes}"
            table.problem(key, f"`{pattern}` {problem}")
    return tolerances


_TERMS = ("reason", "until")


def _has_terms(value: Any) -> bool:
    """Return True for `{ tolerance = ..., reason = ..., until = ... }`, also if misspelt."""
    known = ("tolerance", *_TERMS)
    return isinstance(value, dict) and any(
        key in known or did_you_mean(key, known) for key in value
    )


def _terms(entry: _Table, place: str, key: str, pattern: str) -> Terms:
    return Terms(
        key=key,
        pattern=pattern,
        reason=entry.read("reason", None, "a sentence", _string),
        until=entry.read("until", None, "a day like 2027-03-31", _day),
        place=place,
    )


def _day(value: Any) -> date:
    """Return the date of a TOML date, or of a string of the same form."""
    day = date.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    if isinstance(value, str) and value != day.isoformat():
        raise ValueError
    return day


def _strings_and_tables(value: Any) -> list[str | dict[str, Any]]:
    if not isinstance(value, list):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    return [item if isinstance(item, dict) else _string(item) for item in value]


def _by_pattern(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {ANY_DEPTH: _tolerance(value)}


def _tolerance(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    if not 0 <= value <= sys.float_info.max:
        raise ValueError
    return float(value)


def _problem_of(pattern: str) -> str | None:
    if "" in pattern.split("."):
        return "has an empty label; labels are joined by single dots"
    if "[*]" in pattern:
        return 'has `[*]`: positions are labels as well, "train.rows.*.id"'
    return None


def _string(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    return tuple(_string(item) for item in value)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError
    return float(value)


def _runs(value: Any) -> int:
    count = _count(value)
    if count > FlowSettings().record_runs:
        raise ValueError
    return count


_KEPT = {"summary": 0, "full": FULL_VALUES}
_VALUES = f'"summary", "full", or a number of bytes up to {FULL_VALUES:_}'


def _kept_bytes(value: Any) -> int:
    kept = _KEPT.get(value, value) if isinstance(value, str) else value
    if isinstance(kept, bool) or not isinstance(kept, int) or not 0 <= kept <= FULL_VALUES:
        raise ValueError
    return kept


def _gates(value: Any) -> frozenset[Gate]:
    known: dict[str, Gate] = {gate: gate for gate in get_args(Gate)}
    names = _strings(value)
    if not set(names) <= set(known):
        raise ValueError
    return frozenset(known[name] for name in names)


def _conda(value: Any) -> bool:
    if value != "pypi" and value is not False:
        raise ValueError
    return value is not False


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004  `read` says what it must be
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError
    return value


def _folder(value: Any) -> str:
    path = PurePosixPath(_string(value))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError
    return path.as_posix()


def _environment(
    table: _Table, inherited: Mapping[str, str | PassedThrough]
) -> dict[str, str | PassedThrough]:
    """Return the `env` table on top of the inherited variables; report each problem."""
    variables = table.table("env")
    wanted = "a string, or { pass = true } to take it from the environment"
    merged = dict(inherited)
    for name in variables.names():
        if name in _OWN_VARIABLES or name.startswith("FLOWREPRO_"):
            variables.problem(name, "is reserved: the rerun sets it")
        elif not name or "=" in name or "\0" in name:
            variables.problem(name, "not a valid name of an environment variable")
        else:
            value = variables.read_or_off(name, "", wanted, _variable)
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


def _values(value: Any) -> dict[str, Json]:
    if not isinstance(value, dict) or not all(_is_json(item) for item in value.values()):
        raise ValueError
    return value


def _configs(value: Any) -> dict[str, Json]:
    """Return files as strings, and values as `{"value": ...}`."""
    return {name: _config(config) for name, config in _values(value).items()}


def _config(config: Json) -> Json:
    match config:
        case str():
            return config
        case {"file": str() as file, **others} if not others:
            return file
        case {"value": _, **others} if not others:
            return config
        case _:
            return {"value": config}


def _is_json(value: Any) -> bool:
    """Return False for TOML's dates and times, which Metaflow's command line cannot take."""
    if isinstance(value, dict):
        return all(_is_json(item) for item in value.values())
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    return isinstance(value, bool | int | float | str)


def _toml_type(value: Any) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    names |= {list: "an array", dict: "a table"}
    shown = without_credentials(repr(value))
    return f"{names.get(type(value), 'a date or time')} ({shown[:60]})"
