"""Was recorded by another interpreter."""
from metaflow import FlowSpec, step


class InterpreterFlow(FlowSpec):
    @step
    def start(self):
        self.grains = [4, 5, 6]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    InterpreterFlow()
