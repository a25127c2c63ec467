"""`[tool.flowrepro]` of pyproject.toml: read once, checked as a whole, merged per flow and case."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from pytest_flowrepro.settings.keys import known_keys, read_keys
from pytest_flowrepro.settings.settings import FlowSettings, Settings
from pytest_flowrepro.settings.table import Table
from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


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
    tool = Table(document, "", problems, root).table("tool")
    tool.check_misspelt("flowrepro")
    settings = _read_project(tool.table("flowrepro"), file)
    if problems:
        raise SettingsError(
            f"{file}: " + "\n".join(problems),
            hint="correct the keys that are named above",
        )
    return settings


def _read_project(table: Table, file: Path) -> Settings:
    table.only(*known_keys(Settings, "project"), *known_keys(FlowSettings, "all"), "flow")
    project = read_keys(table, FlowSettings())
    by_flow: dict[str, FlowSettings] = {}
    by_case: dict[str, dict[str, FlowSettings]] = {}
    flow_tables = table.table("flow")
    flow_keys = known_keys(FlowSettings, "flow", "all")
    for name in flow_tables.names():
        flow_table = flow_tables.table(name)
        flow_table.only(*flow_keys, "case")
        by_flow[name] = read_keys(flow_table, project)
        cases = flow_table.table("case")
        for case in cases.names():
            case_table = cases.table(case)
            case_table.only(*flow_keys)
            by_case.setdefault(name, {})[case] = read_keys(case_table, by_flow[name])
    settings = Settings(file=file, project=project, by_flow=by_flow, by_case=by_case)
    return read_keys(table, settings)
