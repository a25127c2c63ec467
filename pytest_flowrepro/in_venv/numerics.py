"""Report the CPU features of an environment's numpy, and the BLAS of its libraries.

Run by the environment's own interpreter, without arguments. Writes one line of JSON:

    {"features": ["X86_V3", "X86_V4"],     that numpy has code for and that this machine has; empty
                                           without numpy, and for a numpy that names none
     "blas": {"numpy": "scipy-openblas 0.3.31", "scipy": "mkl 2024.1"}}

Scipy itself is not imported, which would take longer than all the rest.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import runpy


def main() -> None:
    blas = {name: library for name in ("numpy", "scipy") for library in [_blas(name)] if library}
    print(json.dumps({"features": _features(), "blas": blas}))


def _features() -> list[str]:
    for name in ("numpy._core", "numpy.core"):  # since numpy 2.0, and before
        try:
            core = importlib.import_module(name + "._multiarray_umath")
            return [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
        except (ImportError, AttributeError):  # AttributeError: before numpy 1.20
            continue
    return []


def _blas(name: str) -> str | None:
    """Return name and version that the distribution was built with; None if unknown."""
    try:
        package = importlib.util.find_spec(name)
        if package is None or package.origin is None:
            return None
        config = runpy.run_path(os.path.join(os.path.dirname(package.origin), "__config__.py"))
        built = config["CONFIG"]["Build Dependencies"]["blas"]
        return "%s %s" % (built["name"], built["version"])
    except Exception:  # noqa: BLE001  a file of another release or build; the report goes without it
        return None


if __name__ == "__main__":
    main()
