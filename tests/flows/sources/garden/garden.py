import toml
from metaflow import FlowSpec, step

BEDS = """
kale = 16
leek = 31
"""


class GardenFlow(FlowSpec):
    @step
    def start(self):
        self.plants = toml.loads(BEDS)
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.plants.values())
        self.reader = "toml " + toml.__version__


if __name__ == "__main__":
    GardenFlow()
