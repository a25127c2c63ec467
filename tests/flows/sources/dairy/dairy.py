import toml
from metaflow import FlowSpec, step

CHURN = """
butter = 4
cheese = 9
"""


class DairyFlow(FlowSpec):
    @step
    def start(self):
        self.crates = toml.loads(CHURN)
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.crates.values())
        self.reader = "toml " + toml.__version__


if __name__ == "__main__":
    DairyFlow()
