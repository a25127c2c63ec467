from metaflow import FlowSpec, step


class LensFlow(FlowSpec):
    @step
    def start(self):
        self.scratches = [2, 0, 1]
        self.next(self.inspect, foreach="scratches")

    @step
    def inspect(self):
        self.left = self.input
        self.surface = "scratched" if self.left else "clear"
        self.next({"scratched": self.grind, "clear": self.wrap}, condition="surface")

    @step
    def grind(self):
        self.left -= 1
        self.surface = "scratched" if self.left else "dull"
        self.next({"scratched": self.grind, "dull": self.buff}, condition="surface")

    @step
    def buff(self):
        self.gloss = getattr(self, "gloss", 0) + 1
        self.surface = "dull" if self.gloss < 2 else "clear"
        self.next({"dull": self.buff, "clear": self.wrap}, condition="surface")

    @step
    def wrap(self):
        self.cloth = "silk"
        self.next(self.crate)

    @step
    def crate(self, inputs):
        self.gloss = [getattr(one, "gloss", 0) for one in inputs]
        self.next(self.weigh)

    @step
    def weigh(self):
        self.grams = 180 * len(self.gloss)
        self.carrier = "post" if self.grams < 1000 else "freight"
        self.next({"post": self.stamp, "freight": self.load}, condition="carrier")

    @step
    def stamp(self):
        self.label = "%d g" % self.grams
        self.next(self.end)

    @step
    def load(self):
        self.pallet = 1
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LensFlow()
