"""Is deleted, and its baseline is not."""
from metaflow import FlowSpec, step


class DeletedFlow(FlowSpec):
    @step
    def start(self):
        self.rows = [1, 2, 3]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DeletedFlow()
