"""Environments: a fresh virtualenv that holds what a lock says, and its manifest."""

from pytest_flowrepro.environment.build import (
    build_environment,
    build_notes,
    leave_notes,
    shared_environment,
    shared_place,
)
from pytest_flowrepro.environment.bytecode import forget_bytecode
from pytest_flowrepro.environment.files import edited_files
from pytest_flowrepro.environment.interface import Installer
from pytest_flowrepro.environment.interpreter import find_interpreter
from pytest_flowrepro.environment.manifest import markers_of, read_manifest, system_of
from pytest_flowrepro.environment.prefix import keep_prefix_bytecode
from pytest_flowrepro.environment.provided import Provided, provided_by
from pytest_flowrepro.environment.wheelhouse import Wheelhouse

__all__ = [
    "Installer",
    "Provided",
    "Wheelhouse",
    "build_environment",
    "build_notes",
    "edited_files",
    "find_interpreter",
    "forget_bytecode",
    "keep_prefix_bytecode",
    "leave_notes",
    "markers_of",
    "provided_by",
    "read_manifest",
    "shared_environment",
    "shared_place",
    "system_of",
]
