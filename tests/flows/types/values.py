"""A value of each type that docs/reference/types.md names: built, built otherwise, changed.

`VALUES` holds what a plain interpreter with these libraries can build; those of a library that is
not installed are left out.
"""

import datetime as dt
import io
from importlib.util import find_spec
from typing import Any, Callable, NamedTuple, Optional

import matplotlib

matplotlib.use("Agg")

import attrs
import lightgbm
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import scipy.sparse as sp
import scipy.stats
import xgboost
from matplotlib.figure import Figure
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch


class Value(NamedTuple):
    build: Callable[[int], Any]
    """Of 0: the value; of 1: the value with one leaf changed."""
    place: str
    """What an explanation of that change names."""
    same: Optional[Callable[[], Any]] = None
    """The value again, laid out in another way."""


class Prices(pd.DataFrame):
    """A subclass with metadata, as geopandas has them."""

    _metadata = ["currency"]

    @property
    def _constructor(self):
        return Prices


class Order(pydantic.BaseModel):
    item: str
    tags: set = set()


@attrs.define
class Station:
    name: str
    depths: Any = None


X = np.random.RandomState(0).rand(60, 4)
Y = (X[:, 0] > 0.5).astype(int)
NUMBERS = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})


def labels(k):
    changed = Y.copy()
    changed[:9] ^= k
    return changed


def masked(k, under=9.0):
    return np.ma.array([1.0, under, 3.0 + k], mask=[False, True, False])


def read_from(image, format):
    file = io.BytesIO()
    image.save(file, format)
    return Image.open(io.BytesIO(file.getvalue()))


def picture(k):
    image = Image.new("RGB", (4, 3))
    image.putpixel((1, 2), (7, 8, 9 + k))
    return image


def figure(k):
    shown = Figure(figsize=(2, 1))
    axes = shown.subplots()
    axes.plot([1, 2, 3 + k])
    axes.set_title("growth")
    return shown


def drawn_figure():
    shown = figure(0)
    shown.savefig(io.BytesIO(), dpi=50)
    return shown


def graph(k, kind=nx.Graph, order=1):
    edges = [("a", "b", 1), ("b", "c", 2 + k)][::order]
    found = kind()
    for start, end, weight in edges:
        found.add_edge(start, end, weight=weight)
    return found


def looked_at(found):
    found.nodes, found.edges, found.adj, found.degree
    return found


def prices(k):
    made = Prices({"a": [1, 2 + k]})
    made.currency = "EUR"
    return made


def polars_frame(k):
    return pl.DataFrame(
        {
            "n": [1, None, 3 + k],
            "s": ["x", None, "z"],
            "l": [[1, None], [], None],
            "c": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
            "d": [{"u": 1.5}, None, {"u": None}],
            "t": [dt.datetime(2024, 1, 1), None, dt.datetime(2024, 1, 2)],
        }
    )


def polars_chunks():
    whole = polars_frame(0)
    return pl.concat([whole[:1], whole[1:]], rechunk=False)


def arrow_table(k):
    return pa.table(
        {
            "n": pa.array([1, None, 3 + k]),
            "s": pa.array(["x", None, "z"]),
            "l": pa.array([[1, None], [], None]),
            "c": pa.array(["a", "b", "a"]).dictionary_encode(),
            "d": pa.array([{"u": 1.5}, None, {"u": None}]),
            "t": pa.array([dt.datetime(2024, 1, 1), None, dt.datetime(2024, 1, 2)]),
        }
    )


def sliced(array):
    return pa.concat_arrays([array, array])[len(array) :]


def dirty_csr():
    """Unsorted, one element in two parts, 64-bit indices."""
    columns = np.array([1, 0, 1, 0], dtype=np.int64)
    pointers = np.array([0, 2, 4], dtype=np.int64)
    made = sp.csr_matrix((np.array([1.0, 0.5, 3.0, 2.0]), columns, pointers), shape=(2, 2))
    made.data[1], made.indices[1] = 0.0, 1
    return made


def booster(k, threads=1):
    params = {"max_depth": 2, "nthread": threads, "objective": "binary:logistic"}
    return xgboost.train(params, xgboost.DMatrix(X, label=labels(k)), 3)


def light_booster(k, threads=1):
    params = {
        "num_leaves": 3,
        "num_threads": threads,
        "objective": "binary",
        "verbose": -1,
        "min_data_in_leaf": 2,
    }
    return lightgbm.train(params, lightgbm.Dataset(X, label=labels(k)), 3)


def light_model(k, threads=1):
    model = lightgbm.LGBMClassifier(n_estimators=3, num_leaves=3, n_jobs=threads, verbose=-1)
    return model.fit(X, labels(k))


def xgb_model(k, threads=1):
    return xgboost.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=threads).fit(X, labels(k))


def logistic(k, order="C"):
    return LogisticRegression().fit(np.asarray(X, order=order), labels(k))


def words(k):
    return CountVectorizer(stop_words=["a", "the"]).fit(["hello world", "foo bar baz%d" % k])


VALUES = {
    "numpy.ndarray": Value(
        lambda k: np.array([[1.0, 2.0], [3.0, 4.0 + k]]),
        "at [1, 1]: 4.0 -> 5.0",
        lambda: np.array([[1.0, 2.0], [3.0, 4.0]], dtype=">f8", order="F"),
    ),
    "numpy.ma.MaskedArray": Value(masked, ".data", lambda: masked(0, under=-1.0)),
    "numpy.recarray": Value(
        lambda k: np.rec.array([(1, 2.0 + k)], names="a,b"), "['b']: 1 of 1 elements differs"
    ),
    "numpy.matrix": Value(
        lambda k: np.matrix([[1, 2 + k]]),
        ".array: 1 of 2 elements differs",
        lambda: np.matrix([[1], [2]]).T,
    ),
    "numpy.dtype": Value(lambda k: np.dtype(["f8", "i8"][k]), "'<f8' -> '<i8'"),
    "numpy.random.Generator": Value(
        lambda k: np.random.default_rng(k), "['state']", lambda: np.random.default_rng(0)
    ),
    "numpy.random.RandomState": Value(lambda k: np.random.RandomState(k), "['state']"),
    "numpy.random.PCG64": Value(lambda k: np.random.PCG64(k), "['state']"),
    "pandas.DataFrame": Value(
        lambda k: NUMBERS.assign(c=[1, 2, 3 + k]),
        "['c']: 1 of 3 elements differs",
        lambda: pd.concat([NUMBERS, pd.Series([1, 2, 3], name="c")], axis=1),
    ),
    "pandas.Series": Value(
        lambda k: pd.Series([1, None, 3 + k], dtype="Int64"),
        "1 of 3 elements differs",
        lambda: pd.Series(
            pd.arrays.IntegerArray(np.array([1, 7, 3]), np.array([False, True, False]))
        ),
    ),
    "pandas.Index": Value(
        lambda k: pd.Index([0, 1, 2 + k]), "1 of 3 elements differs", lambda: pd.RangeIndex(3)
    ),
    "pandas.Categorical": Value(
        lambda k: pd.Categorical(["a", "b", "ab"[k]]), ".values: 1 of 3 elements differs"
    ),
    "pandas.arrays.IntegerArray": Value(
        lambda k: pd.array([1, None, k], dtype="Int64"), ".values: 1 of 3 elements differs"
    ),
    "pandas.CategoricalDtype": Value(
        lambda k: pd.CategoricalDtype(["a", "b%d" % k]), ".categories"
    ),
    "pandas.offsets.BusinessDay": Value(lambda k: pd.offsets.BDay(1 + k), ".n: 1 -> 2"),
    "pandas.DataFrame subclass": Value(prices, ".data['a']: 1 of 2 elements differs"),
    "polars.Series": Value(
        lambda k: pl.Series("s", [1, 2, 3 + k]),
        ".values: 1 of 3 elements differs",
        lambda: pl.Series("s", [0, 1, 2, 3]).sort()[1:],
    ),
    "polars.DataFrame": Value(polars_frame, ".n.values", polars_chunks),
    "polars.LazyFrame": Value(
        lambda k: pl.LazyFrame({"a": [1]}).filter(pl.col("a") > k), ".plan"
    ),
    "polars.Expr": Value(lambda k: pl.col("a") + k, ".expr"),
    "pyarrow.Array": Value(
        lambda k: pa.array([1, None, 3 + k]),
        ".values: 1 of 3 elements differs",
        lambda: sliced(pa.array([1, None, 3])),
    ),
    "pyarrow.ChunkedArray": Value(
        lambda k: pa.chunked_array([[1, 2], [3 + k]]),
        ".values: 1 of 3 elements differs",
        lambda: pa.chunked_array([[1, 2, 3]]),
    ),
    "pyarrow.Table": Value(
        arrow_table,
        ".n.values",
        lambda: pa.concat_tables([arrow_table(0)[:1], arrow_table(0)[1:]]),
    ),
    "pyarrow.RecordBatch": Value(
        lambda k: pa.record_batch({"a": [1, 2 + k]}),
        ".a.values",
        lambda: pa.record_batch({"a": sliced(pa.array([1, 2]))}),
    ),
    "pyarrow.Schema": Value(
        lambda k: pa.schema([("a", pa.int64()), ("b", [pa.string(), pa.bool_()][k])]),
        "'string' -> 'bool'",
    ),
    "pyarrow.Scalar": Value(
        lambda k: pa.scalar(2 + k), ".value.values: 1 of 1 elements differs"
    ),
    "scipy.sparse matrix": Value(
        lambda k: sp.csr_matrix([[0, 1.0], [2.0 + k, 3.0]]),
        ".data: 1 of 3 elements differs",
        dirty_csr,
    ),
    "scipy.sparse array": Value(
        lambda k: sp.coo_array([[0, 1.0], [2.0 + k, 3.0]]),
        ".data: 1 of 3 elements differs",
        lambda: sp.coo_array(
            (np.array([3.0, 1.0, 1.0, 1.0]), (np.array([1, 0, 1, 1]), np.array([1, 1, 0, 0])))
        ),
    ),
    "scipy.stats distribution": Value(
        lambda k: scipy.stats.norm(0, 1 + k),
        ".args[1]: 1 -> 2",
        lambda: scipy.stats.norm(0, 1),
    ),
    "scikit-learn estimator": Value(
        logistic, ".coef_: 4 of 4 elements differ", lambda: logistic(0, order="F")
    ),
    "scikit-learn forest": Value(
        lambda k: RandomForestClassifier(3, random_state=0).fit(X, labels(k)), ".estimators_"
    ),
    "sklearn.pipeline.Pipeline": Value(
        lambda k: make_pipeline(StandardScaler(), LogisticRegression(C=1.0 + k)).fit(X, Y),
        ".params['C']: 1.0 -> 2.0",
    ),
    "sklearn CountVectorizer": Value(words, ".vocabulary_['baz1']: added", lambda: words(0)),
    "sklearn.utils.Bunch": Value(
        lambda k: Bunch(target=Y[:3] + k, data=X[:3]), ".target: 3 of 3 elements differ"
    ),
    "xgboost.Booster": Value(booster, ".gradient_booster", lambda: booster(0, threads=2)),
    "xgboost.XGBModel": Value(xgb_model, ".booster", lambda: xgb_model(0, threads=2)),
    "lightgbm.Booster": Value(
        light_booster, ".trees[0]", lambda: light_booster(0, threads=2)
    ),
    "lightgbm.LGBMModel": Value(light_model, ".booster", lambda: light_model(0, threads=2)),
    "PIL.Image.Image": Value(
        picture,
        ".pixels: 1 of 36 elements differs, at [2, 1, 2]: 9 -> 10",
        lambda: read_from(picture(0), "PNG"),
    ),
    "matplotlib.figure.Figure": Value(
        figure,
        ".axes[0]['lines'][0]: 1 of 6 elements differs, at [2, 1]: 3.0 -> 4.0",
        drawn_figure,
    ),
    "networkx.Graph": Value(
        graph, "['weight']: 2 -> 3", lambda: looked_at(graph(0, order=-1))
    ),
    "networkx.MultiDiGraph": Value(
        lambda k: graph(k, nx.MultiDiGraph),
        "['weight']: 2 -> 3",
        lambda: looked_at(graph(0, nx.MultiDiGraph, order=-1)),
    ),
    "pydantic.BaseModel": Value(
        lambda k: Order(item="i%d" % k, tags={"p", "q", "r"}),
        ".item: 'i0' -> 'i1'",
        lambda: Order(item="i0", tags=["r", "q", "p"]),
    ),
    "attrs class": Value(
        lambda k: Station("north", {"p", "q", "r%d" % k}),
        ".depths: added 'r1'",
        lambda: Station("north", {"r0", "q", "p"}),
    ),
}

if find_spec("torch"):
    import torch

    def tensor(k):
        return torch.tensor([[1.0, 2.0], [3.0, 4.0 + k]])

    def module(k):
        torch.manual_seed(0)
        made = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        with torch.no_grad():
            made[0].weight[0, 0] = 0.5 + k
        return made

    def optimizer(k):
        model = module(0)
        made = torch.optim.Adam(model.parameters(), lr=0.1 + k)
        model(torch.arange(6.0).reshape(2, 3)).sum().backward()
        made.step()
        return made

    VALUES.update(
        {
            "torch.Tensor": Value(
                tensor,
                ".values: 1 of 4 elements differs, at [1, 1]: 4.0 -> 5.0",
                lambda: torch.tensor([[9.0, 1.0, 3.0], [9.0, 2.0, 4.0]])[:, 1:].t(),
            ),
            "torch.Tensor of bfloat16": Value(
                lambda k: tensor(k).to(torch.bfloat16), ".values: 1 of 4 elements differs"
            ),
            "torch.nn.Parameter": Value(
                lambda k: torch.nn.Parameter(tensor(k)), ".values: 1 of 4 elements differs"
            ),
            "torch state_dict": Value(
                lambda k: module(k).state_dict(), "['0.weight'].values: 1 of 6 elements differs"
            ),
            "torch.nn.Module": Value(
                module, ".0.weight.values: 1 of 6 elements differs", lambda: module(0)
            ),
            "torch.optim.Optimizer": Value(
                optimizer, ".param_groups[0]['lr']: 0.1 -> 1.1", lambda: optimizer(0)
            ),
        }
    )
