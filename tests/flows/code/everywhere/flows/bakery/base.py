from metaflow import FlowSpec, Parameter, step


class BakeryFlow(FlowSpec):
    loaves = Parameter("loaves", default=4)

    @step
    def start(self):
        self.flour = 500 * self.loaves
        self.next(self.knead)

    @step
    def knead(self):
        self.dough = self.flour + self.water()
        self.next(self.bake)

    @step
    def bake(self):
        self.bread = "plain"
        self.next(self.end)

    @step
    def end(self):
        self.label = f"{self.loaves} x {self.bread}"

    def water(self):
        return self.flour * 6 // 10
