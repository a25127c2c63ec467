from metaflow import FlowSpec, step


class OrchardFlow(FlowSpec):
    @step
    def start(self):
        self.year = 2023
        self.rain = 610
        self.next(self.apples, self.pears)

    @step
    def apples(self):
        self.trees = 40
        self.next(self.early, self.late)

    @step
    def early(self):
        self.crates = self.trees * 2
        self.variety = "Discovery"
        self.next(self.cellar)

    @step
    def late(self):
        self.crates = self.trees * 3
        self.variety = "Boskoop"
        self.pressed = True
        self.next(self.cellar)

    @step
    def cellar(self, inputs):
        self.crates = inputs.early.crates + inputs.late.crates
        self.merge_artifacts(inputs, exclude=["variety"])
        self.next(self.market)

    @step
    def pears(self):
        self.trees = 12
        self.crates = self.trees * 4
        self.next(self.market)

    @step
    def market(self, inputs):
        self.crates = sum(one.crates for one in inputs)
        self.merge_artifacts(inputs, include=["rain", "pressed"])
        self.next(self.end)

    @step
    def end(self):
        print(self.crates, "crates in a year with", self.rain, "mm")


if __name__ == "__main__":
    OrchardFlow()
