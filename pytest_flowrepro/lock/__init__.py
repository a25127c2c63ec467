"""Locks: what a flow declares that it needs, resolved to one version and its hashes each."""

from pytest_flowrepro.lock.conda_file import conda_from_pypi
from pytest_flowrepro.lock.given import without_given
from pytest_flowrepro.lock.interface import Resolver, resolver
from pytest_flowrepro.lock.python_version import PythonVersion, read_python_version
from pytest_flowrepro.lock.requirements import find_requirements
from pytest_flowrepro.lock.search import search_hint
from pytest_flowrepro.lock.uploaded import upload_days

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
