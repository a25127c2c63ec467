"""Has a value that differs from run to run, which its recording found out."""
import random

from metaflow import FlowSpec, step


class NoiseFlow(FlowSpec):
    @step
    def start(self):
        self.noise = random.random()
        self.rows = [1, 2, 3]
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.rows)


if __name__ == "__main__":
    NoiseFlow()
