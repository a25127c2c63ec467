"""Fetches the day's readings; the other flows here read its runs."""
from metaflow import FlowSpec, Parameter, step


class IngestFlow(FlowSpec):
    sensors = Parameter("sensors", default=3)

    @step
    def start(self):
        self.readings = {f"s{n}": n * 10 for n in range(self.sensors)}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    IngestFlow()
