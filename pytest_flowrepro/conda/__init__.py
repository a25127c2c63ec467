"""Environments of conda packages: solved and installed by rattler (the extra `conda`)."""

from pytest_flowrepro.conda.explicit import (
    ExplicitLock,
    LockedArchive,
    format_explicit,
    parse_explicit,
)
from pytest_flowrepro.conda.install import install_conda, kept_archive
from pytest_flowrepro.conda.manifest import (
    check_installed,
    locked_package,
    read_prefix,
)
from pytest_flowrepro.conda.metaflow import place_metaflow
from pytest_flowrepro.conda.solve import solve_conda
from pytest_flowrepro.conda.specs import (
    CondaRequirements,
    channels_from,
    conda_requirements,
    declared_conda,
)

__all__ = [
    "CondaRequirements",
    "ExplicitLock",
    "LockedArchive",
    "channels_from",
    "check_installed",
    "conda_requirements",
    "declared_conda",
    "format_explicit",
    "install_conda",
    "kept_archive",
    "locked_package",
    "parse_explicit",
    "place_metaflow",
    "read_prefix",
    "solve_conda",
]
