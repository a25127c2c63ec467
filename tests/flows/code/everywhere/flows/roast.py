import os
import sys

from metaflow import Config, FlowSpec, environment, step, timeout

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "roastery"))

from house_rules import hotter, logged, roast_profile, weighed


@roast_profile
class RoastFlow(FlowSpec):
    profile = Config("profile", default="profile.json")

    @step
    def start(self):
        self.grams = 1000
        self.next(self.roast)

    @logged(unit="C")
    @weighed
    @hotter
    @timeout(seconds=60)
    @environment(vars={"DRUM": "205"})
    @step
    def roast(self):
        self.cracked = int(os.environ["DRUM"]) > self.first_crack
        self.grams -= 150
        self.next(self.end)

    @step
    def end(self):
        self.bag = f"{self.grams} g, {self.second_crack - self.first_crack} C apart"


if __name__ == "__main__":
    RoastFlow()
