"""A flow whose artifacts are written by serializers of its own."""

from jars import Brew, Crate, Jar, Sealed
from metaflow import FlowSpec, step

NOTE = "keep cool"


class PantryFlow(FlowSpec):
    @step
    def start(self):
        self.jar = Jar(250)
        self.wide = Crate([1, 2, 3, 4, 5, 6], (2, 3))
        self.tall = Crate([1, 2, 3, 4, 5, 6], (3, 2))
        self.brew = Brew("stout")
        self.sealed = Sealed(NOTE)
        self.plain = "x" * 2_000_000
        self.next(self.end)

    @step
    def end(self):
        self.cells = len(self.tall.cells)


if __name__ == "__main__":
    PantryFlow()
