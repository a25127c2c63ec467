"""Environments: a fresh virtualenv that holds what a lock says, and its manifest."""

from pytest_flowrepro.environment.build import build_environment, shared_environment
from pytest_flowrepro.environment.interface import Installer
from pytest_flowrepro.environment.interpreter import find_interpreter
from pytest_flowrepro.environment.manifest import read_manifest, system_of

__all__ = [
    "Installer",
    "build_environment",
    "find_interpreter",
    "read_manifest",
    "shared_environment",
    "system_of",
]
