"""Has a value that differs from run to run, which its single recording could not find out."""
import random

from metaflow import FlowSpec, step


class LuckFlow(FlowSpec):
    @step
    def start(self):
        self.seed = random.randrange(10**9)
        self.next(self.end)

    @step
    def end(self):
        self.label = f"seed {self.seed}"


if __name__ == "__main__":
    LuckFlow()
