"""`flowrepro --print-completion`: the completion of the command in a shell."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SHELLS = ("bash", "zsh")

_FILES = {"bash": "_shtab_compgen_files", "zsh": "_files"}
"""shtab's names of the functions that complete a path."""


class PrintCompletion(argparse.Action):
    """Print the completion script of the parser for a shell, and exit."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002  the signature is argparse's
        values: str | Sequence[str] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        import shtab  # noqa: PLC0415  only this option needs it

        sys.stdout.write(shtab.complete(parser, shell=str(values)))
        parser.exit()


def complete_paths(argument: argparse.Action) -> None:
    """Have the shell complete paths for an argument."""
    argument.complete = _FILES  # type: ignore[attr-defined]  # where shtab reads it
