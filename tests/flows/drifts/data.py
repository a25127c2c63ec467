"""Reads a file of its code package."""
import csv

from metaflow import FlowSpec, step


class DataFlow(FlowSpec):
    @step
    def start(self):
        with open("data/sales.csv") as file:
            self.sold = {row["day"]: int(row["sold"]) for row in csv.DictReader(file)}
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.sold.values())


if __name__ == "__main__":
    DataFlow()
