"""Publishes what was cleaned, next to what came in."""
from metaflow import Flow, FlowSpec, step


class PublishFlow(FlowSpec):
    @step
    def start(self):
        clean = Flow("CleanFlow").latest_run.data.clean
        raw = Flow("IngestFlow").latest_run.data.readings
        self.kept = len(clean) / len(raw)
        self.next(self.end)

    @step
    def end(self):
        self.headline = f"{self.kept:.0%} of the sensors answered"


if __name__ == "__main__":
    PublishFlow()
