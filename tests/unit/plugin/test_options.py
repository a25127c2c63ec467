from __future__ import annotations

from argparse import Namespace
from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from checked_flows import TODAY

from pytest_flowrepro.plugin import REPORTS
from pytest_flowrepro.plugin.options import SessionOptions, ShardOptions, read_options
from pytest_flowrepro.report import FORMATS


def read(root: Path, **given: Any) -> SessionOptions:
    """Read the options that pytest has where only `given` are on the command line."""
    values = ("timeout", "env", "as_of", "installer", "html", "json", "shard", "shard_times")
    switches = ("update", "update_new", "strict", "details", "keep")
    own = dict.fromkeys(values, None) | dict.fromkeys(switches, False) | given
    option = Namespace(**{f"flow_repro_{name}": value for name, value in own.items()})
    return read_options(option, root, today=TODAY)


def test_without_options_a_session_checks_with_uv(tmp_path: Path) -> None:
    options = read(tmp_path)
    assert (options.update, options.installer, options.fresh) == ("no", "uv", False)
    assert (options.timeout, options.as_of, options.flow_files) == (None, None, None)
    assert (options.root, options.today) == (tmp_path, TODAY)
    with pytest.raises(FrozenInstanceError):
        options.update = "all"  # type: ignore[misc]


def test_cards_are_kept_for_a_report_that_shows_them(tmp_path: Path) -> None:
    assert not read(tmp_path).cards
    assert read(tmp_path, html="report.html").cards


@pytest.mark.parametrize(
    ("given", "update"),
    [
        ({"update": True}, "all"),
        ({"update_new": True}, "new"),
        ({"update": True, "update_new": True}, "all"),
    ],
)
def test_update_records(tmp_path: Path, given: dict[str, bool], update: str) -> None:
    assert read(tmp_path, **given).update == update


def test_a_recording_may_resolve_anew(tmp_path: Path) -> None:
    options = read(tmp_path, update=True, env="fresh")
    assert (options.update, options.fresh) == ("all", True)


def test_values_are_drawn_for_the_reports_that_show_pictures(tmp_path: Path) -> None:
    assert not read(tmp_path).draws
    assert read(tmp_path, html="report.html").draws
    assert read(tmp_path, json="report.json").draws


@pytest.mark.parametrize("given", [{"update": True}, {"update_new": True}, {"env": "fresh"}])
def test_a_resolution_may_be_as_of_a_day(tmp_path: Path, given: dict[str, Any]) -> None:
    assert read(tmp_path, as_of="2026-01-31", **given).as_of == date(2026, 1, 31)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"timeout": 0.0}, "--flow-repro-timeout: pass a number of seconds above 0"),
        ({"timeout": float("nan")}, "--flow-repro-timeout: pass a number of seconds above 0"),
        ({"as_of": "2026-01-01"}, "--flow-repro-as-of: a check does not resolve"),
        ({"as_of": "2026-01-01", "env": "locked"}, "--flow-repro-as-of: a check does not resolve"),
        ({"as_of": "yesterday", "update": True}, "--flow-repro-as-of: .*; write YYYY-MM-DD"),
        ({"shard_times": "report.json"}, "--flow-repro-shard-times: pass --flow-repro-shard K/N"),
        *(
            ({"shard": text}, f"--flow-repro-shard: '{text}' is not a shard; pass 1/3, 2/3 or 3/3")
            for text in (
                "",
                "2",
                "0/3",
                "4/3",
                "1/0",
                "a/b",
                "-1/3",
                "1/3/3",
                " 1/3",
                "01/3",
            )
        ),
        ({"as_of": "june", "env": "fresh"}, "--flow-repro-as-of: .*; write YYYY-MM-DD"),
    ],
)
def test_invalid_options_are_a_usage_error(
    tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(pytest.UsageError, match=message):
        read(tmp_path, **given)


def test_a_shard_is_a_number_and_a_count(tmp_path: Path) -> None:
    assert read(tmp_path).shard is None
    assert read(tmp_path, shard="2/3").shard == ShardOptions(number=2, count=3)
    options = read(tmp_path, shard="10/10", shard_times="report.json")
    assert options.shard == ShardOptions(number=10, count=10, times=Path("report.json"))


def test_an_invalid_configuration_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.flowrepro]\nflows = ['*.nothing']\n")
    with pytest.raises(pytest.UsageError, match="matches no file"):
        read(tmp_path)


def test_the_files_of_flows_are_those_that_the_configuration_names(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.flowrepro]\nflows = ['*.py']\n")
    (tmp_path / "train.py").touch()
    assert read(tmp_path).flow_files == frozenset({tmp_path / "train.py"})


def test_each_report_format_has_an_option() -> None:
    assert REPORTS.keys() == FORMATS.keys()
