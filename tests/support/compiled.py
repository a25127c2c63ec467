"""Whether Python finds bytecode of `thing.py` in an environment, or has to compile it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import BuiltEnvironment

PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def import_thing(built: BuiltEnvironment, bytecode: Path) -> tuple[str, bool]:
    """What `thing.value` is in there, and whether Python had to compile it."""
    (packages,) = built.path.glob("lib/*/site-packages")
    done = subprocess.run(
        [sys.executable, "-v", "-c", "import thing; print(thing.value)"],
        env={**PLAIN, "PYTHONPATH": str(packages), "PYTHONPYCACHEPREFIX": str(bytecode)},
        capture_output=True,
        text=True,
        check=True,
    )
    written = [line for line in done.stderr.splitlines() if line.startswith("# created ")]
    return done.stdout.strip(), any("thing" in line for line in written)
