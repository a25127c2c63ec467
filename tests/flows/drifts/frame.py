"""Makes a table of 200,000 rows."""
import numpy as np
import pandas as pd
from metaflow import FlowSpec, step

ROWS = 200_000
FIXED = {}


class FrameFlow(FlowSpec):
    @step
    def start(self):
        self.table = pd.DataFrame(
            {
                "id": np.arange(ROWS),
                "price": np.arange(ROWS) * 37 % 9_901 / 100,
                "shop": np.resize(["north", "south", "west"], ROWS),
            }
        )
        for (row, column), value in FIXED.items():
            self.table.loc[row, column] = value
        self.next(self.end)

    @step
    def end(self):
        self.rows = len(self.table)


if __name__ == "__main__":
    FrameFlow()
