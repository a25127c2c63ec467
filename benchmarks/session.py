"""Sessions of many flows with equal requirements: `python benchmarks/session.py`.

It times whole pytest processes, and with `--before CHECKOUT` those of another checkout of this
project in turn, A B A B ..., on the same baselines. The
figures are for reading; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import FLOW

HERE = Path(__file__).parent.parent

SESSIONS = {
    "fresh, only environments": ("--flow-repro-env=fresh", "-k", "environment"),
    "fresh, only environments, -n 2": ("--flow-repro-env=fresh", "-k", "environment", "-n", "2"),
    "check of one flow": ("flow0.py",),
    "check": (),
}


def write_project(folder: Path, flows: int, requirements: str) -> None:
    for n in range(flows):
        (folder / f"flow{n}.py").write_text(FLOW.format(n=n), encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements.replace(" ", "\n"), encoding="utf-8")
    settings = "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n"
    (folder / "pyproject.toml").write_text(settings, encoding="utf-8")


def session(checkout: Path, project: Path, *args: str) -> float:
    """Return the seconds of a session with the code of a checkout."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--flow-repro", *args],
        cwd=project,
        env={**env, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    spent = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{args}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--flows", type=int, default=40)
    parser.add_argument("--requirements", default="metaflow numpy pandas")
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--project", type=Path, help="a folder, recorded there once")
    parser.add_argument("--sessions", default="", help="a part of the names of those to be timed")
    options = parser.parse_args()
    checkouts = [HERE] if options.before is None else [options.before, HERE]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        project = options.project or Path(temporary)
        if not (project / "__flowrepro__").is_dir():
            project.mkdir(exist_ok=True)
            write_project(project, options.flows, options.requirements)
            session(HERE, project, "--flow-repro-update")
        for name, args in SESSIONS.items():
            if options.sessions not in name:
                continue
            rounds = [
                [session(checkout, project, *args) for checkout in checkouts]
                for _ in range(options.runs)
            ]
            for checkout, times in zip(checkouts, zip(*rounds, strict=True), strict=True):
                median = statistics.median(times)
                title = f"{name} ({checkout.name})"
                print(f"  {title:<50} {median:7.2f}  {min(times):7.2f} .. {max(times):7.2f}")


if __name__ == "__main__":
    main()
