"""Values of libraries by their meaning, never by their layout in memory (docs/reference/types.md).

`parts` asks the rule of the library that a value's class comes from. It imports no library: a
value has loaded its own. Runs in the flow's own interpreter: Python 3.8 syntax.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, Optional, Tuple

from _flowrepro.kinds import Parts
from _flowrepro.libraries.arrow import of_pyarrow
from _flowrepro.libraries.columns import of_numpy, of_pandas, of_polars
from _flowrepro.libraries.helpers import mro, root_of
from _flowrepro.libraries.misc import (
    attrs_names,
    of_attrs,
    of_matplotlib,
    of_metaflow,
    of_networkx,
    of_pillow,
    of_pydantic,
)
from _flowrepro.libraries.models import of_lightgbm, of_scipy, of_sklearn, of_xgboost
from _flowrepro.libraries.torch import of_torch

Rule = Callable[[Any], Optional[Parts]]


def parts(value: object) -> Parts | None:
    """Return the named parts of a value of a library that has a rule, else None."""
    cls = type(value)
    if cls not in _KNOWN:
        _KNOWN[cls] = _rules(cls)
    for rule in _KNOWN[cls]:
        try:
            named = rule(value)
        except Exception:  # noqa: BLE001, S112  a release of the library that the rule is not for
            continue
        if named is not None:
            return named
    return None


def _rules(cls: type) -> tuple[Rule, ...]:
    """Return the rules for a class, those for its nearest base first."""
    roots = dict.fromkeys(root_of(base) for base in mro(cls))
    rules = [_RULES[root] for root in roots if root in _RULES and root in sys.modules]
    return (*rules, *([of_attrs] if attrs_names(cls) else []))


_KNOWN: Dict[type, Tuple[Rule, ...]] = {}

_RULES: Dict[str, Rule] = {
    "numpy": of_numpy,
    "pandas": of_pandas,
    "polars": of_polars,
    "pyarrow": of_pyarrow,
    "scipy": of_scipy,
    "sklearn": of_sklearn,
    "xgboost": of_xgboost,
    "lightgbm": of_lightgbm,
    "torch": of_torch,
    "PIL": of_pillow,
    "matplotlib": of_matplotlib,
    "networkx": of_networkx,
    "pydantic": of_pydantic,
    "metaflow": of_metaflow,
}
"""Sorted by the root module of a class."""
