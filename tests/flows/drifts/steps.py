"""Loses a step and an artifact, and gets others."""
from metaflow import FlowSpec, step


class StepsFlow(FlowSpec):
    @step
    def start(self):
        self.rows = [3, 1, 2]
        self.spare = "left over"
        self.next(self.clean)

    @step
    def clean(self):
        self.rows = sorted(self.rows)
        self.next(self.end)

    @step
    def end(self):
        self.first = self.rows[0]


if __name__ == "__main__":
    StepsFlow()
