"""The options of a session, from the command line and the configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_flowrepro.settings.reader import read_settings
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from argparse import Namespace

    from pytest_flowrepro.settings.settings import Settings

Update = Literal["no", "new", "all"]
"""no: check every flow. new: record those without a baseline. all: record every flow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardOptions:
    """The options about shards."""

    number: int
    count: int
    times: Path | None = None
    """The JSON report with the times of the flows, as it was named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionOptions:
    """The options of a session, the same in each of its processes."""

    root: Path
    """The project."""
    settings: Settings
    today: date
    """The day in UTC, which may be past the last day of a pattern."""
    update: Update = "no"
    installer: Literal["uv", "pip-tools"] = "uv"
    timeout: float | None = None
    """The timeout of the command line, which has precedence over the configuration's."""
    as_of: date | None = None
    fresh: bool = False
    """True to check in a resolution of today's declared requirements: packages may move."""
    flow_files: frozenset[Path] | None = None
    """The files that the configuration's `flows` names; None: every file that starts a flow."""
    strict: bool = False
    """True to fail for an obsolete baseline."""
    details: bool = False
    """True to report details that do not affect a check: files that a flow leaves behind."""
    keep: bool = False
    """True to keep the working directories."""
    cards: bool = False
    """True to return the pages of cards, for a report that shows them."""
    draws: bool = False
    """True if a report shows pictures of changed values."""
    shard: ShardOptions | None = None
    """None to check all flows that are selected."""


def read_options(option: Namespace, root: Path, *, today: date) -> SessionOptions:
    """Return the options in `config.option`; raise `pytest.UsageError` for invalid ones."""
    try:
        settings = read_settings(root)
        flow_files = settings.flow_files()
    except FlowReproError as error:
        raise pytest.UsageError(str(error)) from error
    if option.flow_repro_timeout is not None and not option.flow_repro_timeout > 0:
        raise pytest.UsageError("--flow-repro-timeout: pass a number of seconds above 0")
    update = _update(option)
    fresh = option.flow_repro_env == "fresh"
    return SessionOptions(
        root=root,
        settings=settings,
        today=today,
        update=update,
        installer=option.flow_repro_installer or "uv",
        timeout=option.flow_repro_timeout,
        as_of=_as_of(option.flow_repro_as_of, is_resolving=fresh or update != "no"),
        fresh=fresh,
        flow_files=flow_files,
        strict=option.flow_repro_strict,
        details=option.flow_repro_details,
        keep=option.flow_repro_keep,
        cards=option.flow_repro_html is not None,
        draws=bool(option.flow_repro_html or option.flow_repro_json),
        shard=_shard(option),
    )


def _update(option: Namespace) -> Update:
    if option.flow_repro_update:
        return "all"
    return "new" if option.flow_repro_update_new else "no"


def _as_of(day: str | None, *, is_resolving: bool) -> date | None:
    if day is None:
        return None
    if not is_resolving:
        raise pytest.UsageError(
            "--flow-repro-as-of: a check does not resolve; pass it with --flow-repro-update "
            "or --flow-repro-env fresh"
        )
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise pytest.UsageError(f"--flow-repro-as-of: {error}; write YYYY-MM-DD") from error


def _shard(option: Namespace) -> ShardOptions | None:
    text, times = option.flow_repro_shard, option.flow_repro_shard_times
    if text is None:
        if times is not None:
            raise pytest.UsageError("--flow-repro-shard-times: pass --flow-repro-shard K/N, too")
        return None
    number, count = _numbers(text)
    return ShardOptions(number=number, count=count, times=None if times is None else Path(times))


def _numbers(text: str) -> tuple[int, int]:
    numbers = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", text, re.ASCII)
    if numbers is None or int(numbers[1]) > int(numbers[2]):
        raise pytest.UsageError(
            f"--flow-repro-shard: {text!r} is not a shard; pass 1/3, 2/3 or 3/3 for one of three"
        )
    return int(numbers[1]), int(numbers[2])
