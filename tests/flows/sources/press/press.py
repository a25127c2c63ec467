import toml
from metaflow import FlowSpec, step

BARRELS = """
apple = 7
pear = 3
"""


class PressFlow(FlowSpec):
    @step
    def start(self):
        self.litres = toml.loads(BARRELS)
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.litres.values())
        self.reader = "toml " + toml.__version__


if __name__ == "__main__":
    PressFlow()
