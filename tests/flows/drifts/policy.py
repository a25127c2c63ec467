"""Has values that the project begins to ignore."""
from metaflow import FlowSpec, step


class PolicyFlow(FlowSpec):
    @step
    def start(self):
        self.began = "today"
        self.score = 0.91
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PolicyFlow()
