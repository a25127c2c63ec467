"""Environments: a new virtualenv with exactly the packages of a lock, and its manifest."""

from pytest_flowrepro.environment.builder import EnvironmentBuilder
from pytest_flowrepro.environment.bytecode import learn_modules, place_bytecode
from pytest_flowrepro.environment.install import build_notes, install_locked, leave_notes
from pytest_flowrepro.environment.installed_files import edited_files, note_complete
from pytest_flowrepro.environment.interface import Installer
from pytest_flowrepro.environment.interpreter import find_interpreter, identify_interpreter
from pytest_flowrepro.environment.manifest import (
    installed_versions,
    interpreter_of,
    read_manifest,
    site_packages,
    system_of,
)
from pytest_flowrepro.environment.markers import markers_of
from pytest_flowrepro.environment.module_owners import Provided, provided_by
from pytest_flowrepro.environment.numerics import read_numerics
from pytest_flowrepro.environment.request import InstallRequest
from pytest_flowrepro.environment.uses import (
    begin_use,
    end_use,
    others_meanwhile,
    used_by,
)
from pytest_flowrepro.environment.virtualenv import VirtualenvBuilder
from pytest_flowrepro.environment.wheelhouse.wheelhouse import Wheelhouse

__all__ = [
    "EnvironmentBuilder",
    "InstallRequest",
    "Installer",
    "Provided",
    "VirtualenvBuilder",
    "Wheelhouse",
    "begin_use",
    "build_notes",
    "edited_files",
    "end_use",
    "find_interpreter",
    "identify_interpreter",
    "install_locked",
    "installed_versions",
    "interpreter_of",
    "learn_modules",
    "leave_notes",
    "markers_of",
    "note_complete",
    "others_meanwhile",
    "place_bytecode",
    "provided_by",
    "read_manifest",
    "read_numerics",
    "site_packages",
    "system_of",
    "used_by",
]
