"""Tells the days on which boats can leave the harbour."""
from datetime import date
from typing import TYPE_CHECKING

import toolz
from metaflow import FlowSpec, pypi, step
from moon import new_moons

try:
    import numpy
except ImportError:
    numpy = None

if TYPE_CHECKING:
    import certifi


class TideFlow(FlowSpec):
    @step
    def start(self):
        self.boats = sorted(toolz.unique(["Hope", "Anna", "Hope"]))
        self.next(self.moons)

    @pypi(packages={"toolz": ""})
    @step
    def moons(self):
        self.days = [str(day) for day in new_moons(date(2024, 1, 11), 3)]
        self.next(self.end)

    @step
    def end(self):
        import requests

        self.source = requests.__name__


if __name__ == "__main__":
    TideFlow()
