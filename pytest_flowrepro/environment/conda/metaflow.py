"""The copy of Metaflow in a conda environment.

Metaflow runs its own code there, not a package of the environment: it puts the code of the Metaflow
that started the flow before the environment's packages, and pins what that code needs
(metaflow/plugins/pypi/conda_decorator.py `runtime_step_cli`, metaflow_config.py
`get_pinned_conda_libs`). So Metaflow is copied from the flow's own environment: the same files,
verified when that environment was built, and no index or channel needs to have them.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.distributions import InstalledDistribution
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def place_metaflow(site_packages: Path, *, into: Path) -> None:
    """Copy the Metaflow of one site-packages folder into that of a prefix.

    It replaces a Metaflow from conda.

    Raises `EnvironmentBuildError` if it is not installed there.
    """
    shutil.rmtree(into / "metaflow", ignore_errors=True)
    for old in into.glob("metaflow-*.dist-info"):
        shutil.rmtree(old)
    made = set()
    for path in _files_of_metaflow(site_packages):
        folder = os.path.dirname(into / path)  # noqa: PTH120  four hundred files
        if folder not in made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            made.add(folder)
        # A copy, not a link: a flow that edits a file must not edit other environments.
        shutil.copyfile(site_packages / path, into / path)


def _files_of_metaflow(site_packages: Path) -> Iterator[str]:
    """Yield Metaflow's files, as RECORD lists them (PEP 376), without scripts and bytecode."""
    folders = sorted(site_packages.glob("metaflow-*.dist-info"))
    if len(folders) != 1:
        raise EnvironmentBuildError(
            f"Expected one Metaflow installation in {site_packages}, found {len(folders)}",
            hint="delete the environment's folder and run the check again",
        )
    for path, _ in InstalledDistribution(folders[0]).record():
        if not path.startswith(("../", "/")) and not path.endswith(".pyc"):
            yield path
