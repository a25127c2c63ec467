"""Counts stock; people start it as `python jobs/stock.py run`, from the repository's folder."""
from pathlib import Path

from metaflow import Config, FlowSpec, step


class StockFlow(FlowSpec):
    model = Config("model", default="settings/model.json")

    @step
    def start(self):
        text = Path("stock/shelf.csv").read_text()
        self.items = {name: int(count) for name, count in (line.split(",") for line in text.split())}
        self.total = sum(self.items.values()) * self.model["base"]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    StockFlow()
