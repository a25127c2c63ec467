"""Uses a member of the uv workspace that it lies in."""

from cellar import JARS
from metaflow import FlowSpec, step


class JamFlow(FlowSpec):
    @step
    def start(self):
        self.jars = JARS
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    JamFlow()
