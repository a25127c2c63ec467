"""Error messages of uv and pip in a form that is safe and short enough to show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_flowrepro.installers.index_settings import pip_tool
from pytest_flowrepro.support.disk import full_disk_in_output
from pytest_flowrepro.support.docs import docs
from pytest_flowrepro.support.process import run_process
from pytest_flowrepro.support.redaction import without_credentials

if TYPE_CHECKING:
    from pathlib import Path

_DETAIL_LINES = 25

_PIP_TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)*(?:\S.*\n?)"
    r"(?:\nThe above exception was the direct cause of the following exception:\n\n?)?",
    re.MULTILINE,
)
_CHATTER = re.compile(
    r"\s*(Using Python |Resolved |Prepared |Collecting |Downloading |Using cached |Looking in |"
    r"Using (?:indexes|links)|WARNING: Location |(?:https?|file)://\S+$|/\S+$|Processing |"
    r"ERROR: Exception:$|ROUND \d|\+ |=+$|-+$)"
)
_REFUSED = re.compile(r"\b40[13] (Unauthorized|Forbidden|Error|Client)|HTTP error 40[13]")
_UNREACHABLE = re.compile(
    r"error sending request|client error \(Connect|server error|dns error"
    r"|[Cc]onnection (?:refused|reset|broken)|timed out|Failed to establish|Could not fetch URL"
    r"|HTTP error 5\d\d|certificate verify|peer certificate|Network connectivity is disabled"
)
_NOTHING_FOUND = re.compile(
    r"the requirement (?P<project>[^\s<>=!~;\[]+)[^\n]* \(from versions: none\)"
)
_HOST = re.compile(r"https?://([^/\s'\"]+)|host='([^']+)'")


def excerpt(output: str) -> str:
    """Return the relevant part of a package manager's output.

    Progress, tracebacks and credentials are left out, and all but the last lines of a long output.
    """
    lines = [
        line.rstrip()
        for line in _PIP_TRACEBACK.sub("", output).splitlines()
        if line.strip() and not _CHATTER.match(line)
    ]
    if not lines:  # if there is only the traceback, its last line has the reason
        lines = output.rstrip().splitlines()[-1:]
    left_out = len(lines) - _DETAIL_LINES
    if left_out > 0:
        lines = [f"[... {left_out} lines left out ...]", *lines[left_out:]]
    return without_credentials("\n".join(dict.fromkeys(lines)))


def outer_trouble(output: str) -> tuple[str, str] | None:
    """Return a problem with the disk or the index, and a hint; None if the packages are at fault.

    The disk is checked first: pip reports a file that it cannot write as a broken connection.
    """
    if full := full_disk_in_output(output):
        return full.what, full.hint
    output = without_credentials(output)
    host = next((a or b for a, b in _HOST.findall(output)), "")
    index = f"The package index at {host}" if host else "The package index"
    see = "see " + docs("reference/requirements-and-locks#package-indexes-and-credentials")
    if _REFUSED.search(output):
        return (
            f"{index} refuses access (401 or 403)",
            f"give its credentials to pip or uv (netrc, keyring, UV_INDEX_<NAME>_PASSWORD); {see}",
        )
    if _UNREACHABLE.search(output):
        return (
            f"{index} cannot be reached",
            f"check the network, the proxy and the index settings of pip and uv; {see}",
        )
    return None


def pip_fetch_failures(output: str, *, workspace: Path, timeout: float) -> str:
    """Return pip's hidden reasons if it reports that an index has no version of a project.

    It reports the same for an index that answers 500; only its debug log distinguishes the two. So
    the project is downloaded once more, with the log; empty if the index did answer.
    """
    nothing_found = _NOTHING_FOUND.search(output)
    if nothing_found is None:
        return ""
    tool = pip_tool("pip")
    argv = [*tool.argv, "download", "-vv", "--no-deps", "--only-binary", ":all:"]
    argv += ["--dest", str(workspace), nothing_found["project"]]
    done = run_process(argv, env=tool.env, cwd=workspace, timeout=timeout)
    failures = [
        line.strip()
        for line in (done.stdout + done.stderr).splitlines()
        if "Could not fetch URL" in line and "404 Client Error" not in line
    ]
    return "\n".join(failures[:5])
