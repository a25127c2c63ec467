"""The tests that a session selects: all of the project, or those of some options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

_OPTIONS = {
    "keyword": "-k",
    "markexpr": "-m",
    "deselect": "--deselect",
    "lf": "--last-failed",
    "stepwise": "--stepwise",
    "ignore": "--ignore",
    "ignore_glob": "--ignore-glob",
    "flow_repro_shard": "--flow-repro-shard",
    "flow_repro_changed_since": "--flow-repro-changed-since",
}
"""pytest's options that leave out tests, by the name of their value."""


def selecting_options(config: pytest.Config) -> tuple[str, ...]:
    """Return the options that leave out tests: `-k 'train'`, `--last-failed`."""
    given = ((name, config.getoption(key, default=None)) for key, name in _OPTIONS.items())
    return tuple(text for name, value in given if value for text in _texts(name, value))


def selects_all(config: pytest.Config) -> bool:
    """Return whether no option leaves out tests, but for those of other shards."""
    return set(selecting_options(config)) <= {shard_option(config)}


def shard_option(config: pytest.Config) -> str:
    """Return `--flow-repro-shard 2/3`."""
    return f"--flow-repro-shard {config.option.flow_repro_shard}"


def selection(config: pytest.Config) -> tuple[str, ...]:
    """Return the arguments and options that select tests."""
    return (*config.getoption("file_or_dir", default=()), *selecting_options(config))


def _texts(name: str, value: Any) -> Iterator[str]:
    if value is True:
        yield name
    else:
        yield from (f"{name} {item}" for item in (value if isinstance(value, list) else [value]))
