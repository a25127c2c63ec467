"""Upload times of package versions, from an index that has them (PEP 700)."""

from __future__ import annotations

import tomllib
from datetime import UTC
from typing import TYPE_CHECKING

from packaging.pylock import Pylock, PylockValidationError

from pytest_flowrepro.installers.index_settings import uv_tool
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.model import Index


def upload_days(
    versions: Mapping[str, str],
    *,
    python: Path,
    workspace: Path,
    timeout: float,
    indexes: tuple[Index, ...] = (),
) -> dict[str, date]:
    """Map canonical names to the day (UTC) on which the first wheel of that version was uploaded.

    It asks uv, with the index settings, credentials and cache of a resolution: its `pylock.toml`
    (PEP 751) has `upload-time` from uv 0.9 on. Packages without upload times are left out; the
    result is empty if the index does not answer within `timeout` seconds, as it is only
    informative.
    """
    pins = workspace / "uploaded.in"
    lines = (f"{name}=={version}\n" for name, version in versions.items())
    try:
        tool = uv_tool(indexes=indexes)
        pins.write_text("".join(lines), encoding="utf-8")
    except (FlowReproError, OSError):
        return {}
    arguments = [
        *("pip", "compile", "--quiet", "--format", "pylock.toml", "--no-deps"),
        # Wheels of any platform: a lock for all platforms may have none for this one.
        *("--universal", "--only-binary", ":all:", "--python", str(python)),
        *tool.options,
        pins.name,
    ]
    done = tool.run(arguments, cwd=workspace, timeout=timeout)
    if not done.ok:
        return {}
    try:
        packages = Pylock.from_dict(tomllib.loads(done.stdout)).packages
    except (tomllib.TOMLDecodeError, PylockValidationError):
        return {}
    times = {
        package.name: [wheel.upload_time for wheel in package.wheels or () if wheel.upload_time]
        for package in packages
    }
    return {name: min(uploads).astimezone(UTC).date() for name, uploads in times.items() if uploads}
