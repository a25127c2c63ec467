"""Requirements that can be pinned to a hash: packages of an index, and wheels by their URL."""

from __future__ import annotations

import re
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from pytest_flowrepro.model import RequirementLine

LOCAL_PATH = "a path is supported only in a requirements file (`./lib`) and in `[tool.uv.sources]`"
VERSION_CONTROL = (
    "a version control URL has no hash to pin; publish a wheel of it, on an index or at a URL"
)
DIRECT_URL = (
    "a URL is not a package of an index; name the package and its version, or its wheel, "
    "`six @ https://.../six-1.17.0-py3-none-any.whl`"
)
_CREDENTIALS = "a user name or password does not belong in a requirement or its lock"

_ANY_URL = re.compile(r"(?:[\w.\[\],-]+\s*@\s*)?(?P<scheme>[a-z][a-z0-9+.-]*):", re.IGNORECASE)
_PATH = re.compile(
    r"[.~/\\]|[\w.-]+[/\\]|\S+\.(?:whl|tar\.gz|zip)$",  # ./lib, ~/lib, /lib, lib/six, six-1.0.whl
)
_VCS = ("git", "hg", "svn", "bzr")
_WHEEL_URL = re.compile(r"https?://[^\s/@?#]+/[^\s@?#]*?(?P<file>[^\s/@?#]+\.whl)")


def parse_requirement(line: str) -> RequirementLine | str:
    """Return the requirement of a line, or why it cannot be pinned.

    The text never contains the line's URL, which may have credentials.
    """
    if match := _ANY_URL.match(line):
        scheme = match["scheme"].lower()
        if scheme == "file":
            return LOCAL_PATH
        if scheme.partition("+")[0] in _VCS:
            return VERSION_CONTROL
        return _wheel_requirement(line)
    if _PATH.match(line):
        return LOCAL_PATH
    try:
        return RequirementLine(line)
    except InvalidRequirement as error:
        return str(error).splitlines()[0]


def wheel_version(url: str, name: str) -> str | None:
    """Return the version of a wheel of the package of that name (canonical), from the wheel's URL.

    None for any other URL, and for one with credentials, a query or a fragment.
    """
    match = _WHEEL_URL.fullmatch(url)
    try:
        canonical, version, _, _ = parse_wheel_filename(unquote(match["file"]) if match else "")
    except InvalidWheelFilename:
        return None
    return str(version) if canonical == name else None


def _wheel_requirement(line: str) -> RequirementLine | str:
    try:
        requirement = RequirementLine(line)
    except InvalidRequirement:
        return DIRECT_URL
    url = requirement.parsed.url or ""
    if "@" in url:
        return _CREDENTIALS
    return requirement if wheel_version(url, requirement.name) else DIRECT_URL
