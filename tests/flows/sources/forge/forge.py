import toml
from metaflow import FlowSpec, step

RACK = """
hinges = 24
nails = 1000
"""


class ForgeFlow(FlowSpec):
    @step
    def start(self):
        self.pieces = toml.loads(RACK)
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.pieces.values())
        self.reader = "toml " + toml.__version__


if __name__ == "__main__":
    ForgeFlow()
