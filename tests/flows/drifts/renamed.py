"""Has a step and an artifact that get other names."""
from metaflow import FlowSpec, step


class RenamedFlow(FlowSpec):
    @step
    def start(self):
        self.acc = 0.93
        self.next(self.fit)

    @step
    def fit(self):
        self.weights = [0.25, 0.75]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RenamedFlow()
