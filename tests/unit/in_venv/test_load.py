"""The words for an artifact that cannot be read; tests/unit/capture has the loading itself."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

import _flowrepro
from _flowrepro import load

FOLDER = Path(_flowrepro.__file__).parent
MODULES = [
    ".".join(file.relative_to(FOLDER.parent).with_suffix("").parts)
    for file in sorted(FOLDER.rglob("*.py"))
    if file.name != "__init__.py"
]
# Told in other words, or met by whoever calls before they are recorded.
OTHERS = {
    "BrokenEncodersError",
    "CannotReadError",
    "EncoderError",
    "TooLargeError",
    "UnwritableError",
}


def errors() -> list[type[Exception]]:
    found = [
        known
        for module in map(import_module, MODULES)
        for known in vars(module).values()
        if inspect.isclass(known) and issubclass(known, Exception)
    ]
    ours = [known for known in dict.fromkeys(found) if known.__module__.startswith("_flowrepro.")]
    return [known for known in ours if known.__name__ not in OTHERS and known.__name__[0] != "_"]


@pytest.mark.parametrize("error", errors(), ids=lambda error: error.__name__)
def test_what_is_recorded_names_no_module_of_ours(error: type[Exception]) -> None:
    assert load.reason(error("it is too large")) == "it is too large"


def test_an_error_of_python_is_reported_without_addresses_and_paths() -> None:
    error = ValueError("<object at 0x7f00> of /home/jane/flow.py")
    assert load.reason(error) == "ValueError: <object at 0x...> of ..."
