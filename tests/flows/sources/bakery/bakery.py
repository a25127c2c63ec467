import toml
from metaflow import FlowSpec, step

OVEN = """
rye = 12
wheat = 30
"""


class BakeryFlow(FlowSpec):
    @step
    def start(self):
        self.loaves = toml.loads(OVEN)
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.loaves.values())
        self.reader = "toml " + toml.__version__


if __name__ == "__main__":
    BakeryFlow()
