"""`python -m pytest_flowrepro`, the same as the console script `flowrepro`."""

from __future__ import annotations

import sys

from pytest_flowrepro.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
