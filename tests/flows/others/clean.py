"""Cleans the readings of the latest ingest."""
from metaflow import Flow, FlowSpec, step


class CleanFlow(FlowSpec):
    @step
    def start(self):
        run = Flow("IngestFlow").latest_successful_run
        self.clean = {name: value for name, value in run.data.readings.items() if value}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CleanFlow()
