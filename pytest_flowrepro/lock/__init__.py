"""Locks: the requirements of a flow, each resolved to one version and its hashes."""

from pytest_flowrepro.lock.interface import Resolver, resolver
from pytest_flowrepro.lock.preinstalled import without_given
from pytest_flowrepro.lock.sources.environment_yml import conda_from_pypi
from pytest_flowrepro.lock.sources.find import find_requirements
from pytest_flowrepro.lock.sources.python_version import PythonVersion, read_python_version
from pytest_flowrepro.lock.sources.search import search_hint
from pytest_flowrepro.lock.upload_times import upload_days

__all__ = [
    "PythonVersion",
    "Resolver",
    "conda_from_pypi",
    "find_requirements",
    "read_python_version",
    "resolver",
    "search_hint",
    "upload_days",
    "without_given",
]
