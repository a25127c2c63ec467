from metaflow import FlowSpec, step

PLOTS = {
    "fjord": {"inlet": [4, 7]},
    "heath": {"ridge": [5], "hollow": [3, 9]},
}


class SurveyFlow(FlowSpec):
    @step
    def start(self):
        self.regions = sorted(PLOTS)
        self.next(self.region, foreach="regions")

    @step
    def region(self):
        self.place = self.input
        self.sites = list(PLOTS[self.place])
        self.next(self.site, foreach="sites")

    @step
    def site(self):
        self.plots = PLOTS[self.place][self.input]
        self.next(self.plot, foreach="plots")

    @step
    def plot(self):
        self.orchids = self.input * 3 + 1
        self.next(self.sum_site)

    @step
    def sum_site(self, inputs):
        self.orchids = sum(one.orchids for one in inputs)
        self.next(self.sum_region)

    @step
    def sum_region(self, inputs):
        self.orchids = sum(one.orchids for one in inputs)
        self.next(self.sum_all)

    @step
    def sum_all(self, inputs):
        self.orchids = [one.orchids for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SurveyFlow()
