"""Models of scikit-learn, xgboost and lightgbm, and scipy's sparse matrices and distributions.

Runs in the flow's own interpreter, Python 3.8 syntax. A rule gives `Parts`, or None.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from _flowrepro.libraries.helpers import (
    Fields,
    attributes,
    extra,
    made,
    module_of,
    mro,
    public_first,
    root_of,
)

if TYPE_CHECKING:
    from _flowrepro.kinds import Parts

_NO_PART = frozenset(["_sklearn_version", "_stop_words_id"])
"""A release, which the environment records, and an address in memory."""
_THREADS = frozenset(["n_jobs", "nthread", "num_threads", "num_thread", "nthreads"])


def of_sklearn(value: Any) -> Parts | None:
    """Return the parts of estimators, fitted or not, of trees and of Bunch."""
    name = type(value).__name__
    if name == "Bunch" and isinstance(value, dict):
        if all(type(key) is str for key in value):
            return made("bunch", value, sorted(value.items()))
        return None
    if name == "Tree" and module_of(type(value)) == "sklearn.tree._tree":
        state = value.__getstate__()
        names = ["node_count", "max_depth", "nodes", "values"]
        shape = [("n_features", value.n_features), ("n_classes", value.n_classes)]
        return made("tree", value, shape + [(field, state[field]) for field in names])
    if not hasattr(value, "get_params") or not hasattr(value, "set_params"):
        return None
    return _estimator(value, without=_NO_PART)


def _estimator(value: Any, without: frozenset[str]) -> Parts | None:
    """Return fitted attributes, parameters and private state: few parts, so that none is cut."""
    state = value.__getstate__() if hasattr(value, "__getstate__") else attributes(value)
    if not isinstance(state, dict):
        return None
    names = set(value.get_params(deep=False))
    params: dict[str, Any] = {}
    private: dict[str, Any] = {}
    fitted: dict[str, Any] = {}
    for name, item in state.items():
        if name not in without:
            group = params if name in names else private if name.startswith("_") else fitted
            group[name] = item
    fields: Fields = [*sorted(fitted.items()), ("params", params)]
    if "_Booster" in private:  # of xgboost and lightgbm
        fields.insert(0, ("booster", private.pop("_Booster")))
    return made("estimator", value, [*fields, ("private", private)] if private else fields)


def of_xgboost(value: Any) -> Parts | None:
    """Return the trees of a booster, booster and parameters of a model, but no thread counts."""
    if hasattr(value, "save_raw"):
        learner = json.loads(bytes(value.save_raw("json")))["learner"]
        fields = [("gradient_booster", learner.pop("gradient_booster")), *sorted(learner.items())]
        return made("booster", value, fields + extra(attributes(value, without=("handle",))))
    return _estimator(value, _NO_PART | _THREADS) if hasattr(value, "get_params") else None


def of_lightgbm(value: Any) -> Parts | None:
    """Return the trees of a booster, booster and parameters of a model, but no thread counts."""
    if hasattr(value, "model_to_string"):
        return made("booster", value, _lightgbm(value))
    return _estimator(value, _NO_PART | _THREADS) if hasattr(value, "get_params") else None


def _lightgbm(booster: Any) -> Fields:
    """Return the sections of `model_to_string` (https://lightgbm.readthedocs.io)."""
    trees: list[dict[str, str]] = []
    header: dict[str, str] = {}
    parameters: dict[str, str] = {}
    section = header
    for line in booster.model_to_string(num_iteration=-1).splitlines():
        if line.startswith("Tree="):
            section = {}
            trees.append(section)
        elif line == "feature_importances:":
            section = {}  # they follow from the trees
        elif line.startswith("[") and ": " in line and line.endswith("]"):
            name, _, text = line[1:-1].partition(": ")
            if name not in _THREADS:
                parameters[name] = text
        elif "=" in line:
            name, _, text = line.partition("=")
            section[name] = text
    header.pop("tree_sizes", None)  # in bytes of this text
    state = attributes(booster, without=("params", "train_set_version", "name_valid_sets"))
    public = [(name, item) for name, item in sorted(state.items()) if not name.startswith("_")]
    return [("trees", trees), ("model", header), *public, ("parameters", parameters)]


def of_scipy(value: Any) -> Parts | None:
    """Return sparse arrays in canonical order, and distributions without their random state."""
    sparse: Any = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(value):
        if root_of(type(value)) != "scipy":  # a subclass may hold anything else
            return None
        return made("sparse", value, _sparse(value))
    if not any(base.__name__ in _DISTRIBUTIONS for base in mro(type(value))):
        return None
    state = {
        name: item
        for name, item in attributes(value).items()
        if name not in _DISTRIBUTION and type(item).__name__ not in ("method", "vectorize")
    }
    first = [(name, state.pop(name)) for name in ("dist", "args", "kwds") if name in state]
    return made("distribution", value, first + public_first(state))


_DISTRIBUTIONS = ("rv_generic", "rv_frozen", "multi_rv_generic", "multi_rv_frozen")
_DISTRIBUTION = frozenset(["_random_state", "_parse_arg_template", "__doc__", "_ctor_param"])
"""numpy's global generator unless the user gave one, and attributes that the class implies."""


def _sparse(value: Any) -> Fields:
    """Return a copy with duplicates summed and indices sorted; a zero that is stored stays."""
    import numpy as np  # noqa: PLC0415  scipy needs it

    fields: Fields = [("shape", tuple(int(size) for size in value.shape))]
    if value.ndim == 2 and value.format not in ("csr", "csc", "bsr"):
        value = value.tocsr()
    if hasattr(value, "indptr"):
        if not value.has_canonical_format:
            value = value.copy()
            value.sum_duplicates()
            value.sort_indices()
        coordinates = [("indptr", value.indptr), ("indices", value.indices)]
        data = value.data
    else:
        value = value.tocoo(copy=True)
        value.sum_duplicates()
        order = np.lexsort(value.coords[::-1])
        coordinates = [("axis %d" % i, axis[order]) for i, axis in enumerate(value.coords)]
        data = value.data[order]
    # int32 if it is enough, as scipy itself chooses by default.
    small = max((*value.shape, data.size)) <= np.iinfo(np.int32).max
    index = np.int32 if small else np.int64
    fields += [(name, positions.astype(index, copy=False)) for name, positions in coordinates]
    return [*fields, ("data", data)]
