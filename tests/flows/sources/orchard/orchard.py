import toml
from metaflow import FlowSpec, step

ROWS = """
plum = 40
cherry = 22
"""


class OrchardFlow(FlowSpec):
    @step
    def start(self):
        self.trees = toml.loads(ROWS)
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.trees.values())
        self.reader = "toml " + toml.__version__


if __name__ == "__main__":
    OrchardFlow()
