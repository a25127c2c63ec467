"""A dozen artifacts of libraries, and all of them once more in one that never changes."""

from metaflow import FlowSpec, Run, current, step

CHANGED = 0

ARTIFACTS = {
    "array": "numpy.ma.MaskedArray",
    "category": "pandas.Categorical",
    "prices": "pandas.DataFrame subclass",
    "frame": "polars.DataFrame",
    "table": "pyarrow.Table",
    "matrix": "scipy.sparse matrix",
    "distribution": "scipy.stats distribution",
    "model": "scikit-learn estimator",
    "words": "sklearn CountVectorizer",
    "xgb": "xgboost.Booster",
    "lgb": "lightgbm.LGBMModel",
    "picture": "PIL.Image.Image",
    "figure": "matplotlib.figure.Figure",
    "graph": "networkx.Graph",
    "order": "pydantic.BaseModel",
    "station": "attrs class",
}


class TypesFlow(FlowSpec):
    @step
    def start(self):
        from values import VALUES

        for name, row in ARTIFACTS.items():
            setattr(self, name, VALUES[row].build(CHANGED))
        self.kept = {name: VALUES[row].build(0) for name, row in ARTIFACTS.items()}
        run = Run("%s/%s" % (current.flow_name, current.run_id))
        self.reference = run["start"] if CHANGED else run
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TypesFlow()
