"""Run pytest, or merge reports, as the inputs of the action say, and write the exit code to the
step's outputs.

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

MERGED = {"html": "html", "json": "json", "md": "markdown", "sarif": "sarif"}
"""The formats of a merged report, by the suffix of its file."""


def main() -> None:
    reports = Path(os.environ["REPORTS"])
    reports.mkdir(parents=True, exist_ok=True)
    shards = os.environ["MERGE"]
    code = merge(Path(shards), reports) if shards else check(reports)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"exit-code={code}\nreports={reports}\n")
        outputs.write(f"verdict={verdict(reports / 'report.json')}\n")


def check(reports: Path) -> int:
    """Check the flows, and return the exit code of pytest."""
    pytest = str(Path(sys.executable).with_name("pytest"))
    code = subprocess.run([pytest, "--flow-repro", *options(reports)], check=False).returncode
    keep_observations(Path(), reports)
    return code


def merge(shards: Path, reports: Path) -> int:
    """Merge the reports of shards, and return the exit code of the merge."""
    found = sorted(map(str, shards.rglob("report.json")))
    if not found:
        sys.stdout.write(f"::error title=flow-repro::No report.json in {shards}\n")
        return 2
    flowrepro = str(Path(sys.executable).with_name("flowrepro"))
    code = 0
    for name, form in MERGED.items():
        output = reports / f"report.{name}"
        command = [flowrepro, "merge-reports", f"--format={form}", f"--output={output}", *found]
        code = max(code, subprocess.run(command, check=False).returncode)
    for folder in sorted(shards.rglob(".flowrepro")):
        keep_observations(folder.parent, reports)
    summary, report = os.environ.get("GITHUB_STEP_SUMMARY"), reports / "report.md"
    if summary and report.is_file():
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"\n\n{report.read_text(encoding='utf-8')}")
    return code


def keep_observations(folder: Path, reports: Path) -> None:
    """Keep the observations that `flowrepro review` accepts on another machine."""
    if (folder / ".flowrepro").is_dir():
        shutil.copytree(folder / ".flowrepro", reports / ".flowrepro", dirs_exist_ok=True)


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
