import toml
from metaflow import FlowSpec, step

STONES = """
spelt = 120
oats = 80
"""


class MillFlow(FlowSpec):
    @step
    def start(self):
        self.sacks = toml.loads(STONES)
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.sacks.values())
        self.reader = "toml " + toml.__version__


if __name__ == "__main__":
    MillFlow()
