"""Fires pots, with what Metaflow has had for years."""
from pathlib import Path

from metaflow import FlowSpec, IncludeFile, Parameter, card, catch, kubernetes, retry, step


class KilnFlow(FlowSpec):
    glazes = IncludeFile("glazes", default="glazes.txt")
    heat = Parameter("top-heat", default=1200)

    @card
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        lit = Path("lit")
        if not lit.exists():
            lit.touch()
            raise RuntimeError("the kiln did not light")
        self.shelf = self.glazes.split()
        self.next(self.fire, foreach="shelf")

    @kubernetes(image="example.org/kiln:1", memory=2000)
    @catch(var="cracked")
    @step
    def fire(self):
        if self.input == "salt":
            raise ValueError("a crack")
        self.pot = (self.input, self.heat)
        self.next(self.unload)

    @step
    def unload(self, inputs):
        self.pots = sorted(one.pot for one in inputs if not one.cracked)
        self.merge_artifacts(inputs, include=["shelf"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    KilnFlow()
