"""Values of TOML to those of the settings.

Each parser raises ValueError for a value of the wrong type or form.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, get_args

from pytest_flowrepro.model import FULL_VALUES, Gate
from pytest_flowrepro.model.policy import MACHINE
from pytest_flowrepro.support.amounts import parse_age, parse_size
from pytest_flowrepro.support.hardware import CPU_LEVELS

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json

MOST_RUNS = 11
"""Maximum number of reruns of a recording."""

KEPT = {"summary": 0, "full": FULL_VALUES}
"""Numbers of bytes of a value that have names."""


def parse_string(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def parse_strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    return tuple(parse_string(item) for item in value)


def parse_seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError
    return float(value)


def parse_runs(value: Any) -> int:
    count = parse_count(value)
    if count > MOST_RUNS:
        raise ValueError
    return count


def parse_kept_bytes(value: Any) -> int:
    size = KEPT.get(value, value) if isinstance(value, str) else value
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= FULL_VALUES:
        raise ValueError
    return size


def parse_gates(value: Any) -> frozenset[Gate]:
    gates: dict[str, Gate] = {gate: gate for gate in get_args(Gate)}
    names = parse_strings(value)
    if not set(names) <= set(gates):
        raise ValueError
    return frozenset(gates[name] for name in names)


def parse_conda(value: Any) -> bool:
    if value != "pypi" and value is not False:
        raise ValueError
    return value is not False


def parse_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    return value


def parse_count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError
    return value


def parse_folder(value: Any) -> str:
    path = PurePosixPath(parse_string(value))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError
    return path.as_posix()


def parse_cache_size(value: Any) -> int:
    return parse_size(parse_string(value))


def parse_cache_age(value: Any) -> float:
    return parse_age(parse_string(value))


def parse_day(value: Any) -> date:
    """Return the date of a TOML date, or of a string of the same form."""
    day = date.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ValueError  # noqa: TRY004  one exception says "of the wrong form" here
    if isinstance(value, str) and value != day.isoformat():
        raise ValueError
    return day


def parse_threads(value: Any) -> int | None:
    return None if value == MACHINE else parse_count(value)


def parse_cpu(value: Any) -> str | None:
    if value == MACHINE:
        return None
    if value not in CPU_LEVELS:
        raise ValueError
    return str(value)


def parse_values(value: Any) -> dict[str, Json]:
    if not isinstance(value, dict) or not all(_is_json(item) for item in value.values()):
        raise ValueError
    return value


def parse_configs(value: Any) -> dict[str, Json]:
    """Return files as strings, and values as `{"value": ...}`."""
    return {name: _config(config) for name, config in parse_values(value).items()}


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
