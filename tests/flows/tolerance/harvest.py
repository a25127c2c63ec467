"""What does not repeat to the last bit, and what one run alone is known by."""

import getpass
import os
import pathlib
import tempfile
import time

from metaflow import FlowSpec, current, step

SCORE = 0.9
RATIO = 0.5
SIZE = 3.0
SHARED = True


class Tree:
    def __init__(self, apples):
        self.apples = apples


class Sealed(Tree):
    def __setstate__(self, state):
        raise ValueError("sealed")


class HarvestFlow(FlowSpec):
    @step
    def start(self):
        self.weight = 12.5 + (time.time_ns() % 1000 + 1) * 1e-12
        self.report = {
            "created_at": time.time_ns(),
            "baskets": [{"id": time.time_ns(), "apples": 3}, {"id": time.time_ns(), "apples": 4}],
            "score": SCORE,
        }
        self.label = "harvest"
        self.next(self.end)

    @step
    def end(self):
        self.score = SCORE
        self.ratio = {"apples": RATIO}
        self.sizes = [1.0, SIZE]
        tree = Tree(SCORE)
        self.trees = [tree, tree if SHARED else Tree(SCORE)]
        self.sealed = Sealed(3)
        self.origin = {
            "task": current.pathspec,
            "run": current.run_id,
            "file": pathlib.Path(__file__).resolve(),
            "folders": [os.getcwd(), os.path.expanduser("~/x"), tempfile.mkdtemp()],
            "user": getpass.getuser() if "USER" in os.environ else current.username,
        }


if __name__ == "__main__":
    HarvestFlow()
