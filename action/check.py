"""Run pytest as the inputs of the action say, and write its exit code to the step's outputs.

A check that fails does not fail here, so that the next steps publish its reports.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

WORST_FIRST = (
    "error",
    "no baseline",
    "drifted",
    "recorded",
    "accepted",
    "reproduced",
    "code compared",
    "environment reproduced",
    "resolved",
)


def main() -> None:
    reports = Path(os.environ["REPORTS"])
    reports.mkdir(parents=True, exist_ok=True)
    pytest = str(Path(sys.executable).with_name("pytest"))
    code = subprocess.run([pytest, "--flow-repro", *options(reports)], check=False).returncode
    # The observations that `flowrepro review` accepts on another machine.
    if Path(".flowrepro").is_dir():
        shutil.copytree(".flowrepro", reports / ".flowrepro", dirs_exist_ok=True)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"exit-code={code}\nreports={reports}\n")
        outputs.write(f"verdict={verdict(reports / 'report.json')}\n")


def options(reports: Path) -> list[str]:
    """Return the arguments of pytest. `=` keeps it from taking the path of a report for a test."""
    formats = ("html", "json", "md", "sarif")
    chosen = {"UPDATE": "--flow-repro-update", "FRESH": "--flow-repro-env=fresh"}
    return [
        *(f"--flow-repro-{name}={reports}/report.{name}" for name in formats),
        f"--junitxml={reports}/junit.xml",
        "--flow-repro-step-summary",
        *(option for name, option in chosen.items() if os.environ[name] == "true"),
        *shlex.split(os.environ["ARGS"]),
    ]


def verdict(report: Path) -> str:
    """Return the worst verdict of a JSON report; an error without a report, or without a flow."""
    flows = json.loads(report.read_text())["flows"] if report.is_file() else []
    verdicts = {flow["verdict"] for flow in flows}
    return next((name for name in WORST_FIRST if name in verdicts), "error")


if __name__ == "__main__":
    main()
