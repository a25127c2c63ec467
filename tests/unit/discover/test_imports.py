"""What a source file imports: `imports.py`."""

from __future__ import annotations

import pytest

from pytest_flowrepro.discover.imports import Import, find_imports


def names(source: str) -> set[str]:
    return {one.name for one in find_imports(source.encode())}


# A line of a source file -> what it imports.
LINES = [
    ("import yaml", {"yaml"}),
    ("import numpy as np, xml.dom", {"numpy", "xml.dom"}),
    (
        "from google.cloud import storage, bigquery as bq",
        {"google.cloud.storage"} | {"google.cloud.bigquery"},
    ),
    ("from pandas import *", {"pandas.*"}),
    ("from . import helper\nfrom .helper import train\nfrom ..lib import x", set()),
    ("try:\n    import cupy\nexcept ImportError:\n    import numpy", {"cupy", "numpy"}),
    ("def plot():\n    class Figure:\n        import matplotlib", {"matplotlib"}),
    ("async def fetch():\n    import httpx", {"httpx"}),
    ("import importlib\nimportlib.import_module('yaml')", {"importlib", "yaml"}),
    ("model = import_module('sklearn.svm').SVC()", {"sklearn.svm"}),
    ("__import__('yaml', globals())", {"yaml"}),
    ("import_module(name); import_module(); import_module('.helper', 'lib')", set()),
    ("if TYPE_CHECKING:\n    import pandas\nelse:\n    pandas = None\n    import six", {"six"}),
    ("if typing.TYPE_CHECKING:\n    import pandas", set()),
    ("if debug:\n    import pdb", {"pdb"}),
    ("text = 'import yaml'  # import six", set()),
    ("pattern = '\\d'\nimport yaml", {"yaml"}),
]


@pytest.mark.parametrize(("source", "expected"), LINES)
def test_every_import_statement_counts_at_any_place(source: str, expected: set[str]) -> None:
    assert names(source) == expected


def test_an_import_in_a_step_is_that_steps() -> None:
    source = b"""
import yaml

class TrainFlow(FlowSpec):
    import six

    @retry(times=3)
    @step
    def train(self):
        def scaled():
            import numpy

    @metaflow.step
    def end(self):
        import requests

    def start(self):
        import toolz
"""
    assert set(find_imports(source)) == {
        Import(name="yaml", step=None),
        Import(name="six", step=None),
        Import(name="numpy", step="train"),
        Import(name="requests", step="end"),
        Import(name="toolz", step=None),
    }


@pytest.mark.parametrize("source", [b"import yaml\nprint 1", b"import yaml\0", b"\xff\xfe"])
def test_what_this_python_cannot_read_has_no_imports(source: bytes) -> None:
    assert find_imports(source) == ()


def test_a_file_says_its_own_encoding() -> None:
    assert find_imports("# coding: latin-1\n'é'\nimport yaml".encode("latin-1")) == (
        Import(name="yaml", step=None),
    )
