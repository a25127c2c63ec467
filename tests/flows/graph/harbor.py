from metaflow import FlowSpec, current, parallel, step


class HarborFlow(FlowSpec):
    @step
    def start(self):
        self.depths = [5, 10, 15]
        self.harbor = "Visby"
        self.next(self.sound, num_parallel=3)

    @parallel
    @step
    def sound(self):
        self.echo = self.depths[current.parallel.node_index] * 2
        self.next(self.chart)

    @step
    def chart(self, inputs):
        self.echoes = sorted(one.echo for one in inputs)
        self.merge_artifacts(inputs, include=["harbor"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HarborFlow()
