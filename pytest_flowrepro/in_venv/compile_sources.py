"""Compile sources: `python -I -S -B compile_sources.py REQUEST`, a JSON file.

    {"processes": 2, "sources": [[SOURCE, TARGET], ...]}

Writes the bytecode of each SOURCE to its TARGET; a SOURCE that cannot be compiled gets no TARGET.
"""

from __future__ import annotations

import json
import os
import py_compile
import sys


def compile_sources(sources: list[list[str]]) -> None:
    for source, target in sources:
        try:
            py_compile.compile(
                source,
                cfile=target,
                doraise=True,
                quiet=2,
                invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP,
            )
        except (py_compile.PyCompileError, OSError, ValueError, RecursionError):
            continue


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    count = request["processes"]
    children = []
    for number in range(1, count):
        child = os.fork()
        if child == 0:
            try:
                compile_sources(request["sources"][number::count])
            finally:
                os._exit(0)
        children.append(child)
    compile_sources(request["sources"][::count])
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
