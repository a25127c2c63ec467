"""A flow with artifacts of 30 types, two environments, parameters, a foreach and a stored value."""

import random
from collections import Counter, OrderedDict, deque, namedtuple
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePosixPath
from uuid import UUID

from metaflow import FlowSpec, IncludeFile, Parameter, pypi, retry, step


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: float
    y: float


Pair = namedtuple("Pair", "left right")


class Node:
    def __init__(self):
        self.itself = self


class SealedFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5)
    table = IncludeFile("table", default="rates.csv")

    @step
    def start(self):
        import numpy as np
        import pandas as pd

        self.boolean = True
        self.integer = 12
        self.large = 2**80
        self.number = 0.1
        self.complex_number = 1 + 2j
        self.nothing = None
        self.text = "first line\nsecond line"
        self.data = b"\x00\xff"
        self.array_of_bytes = bytearray(b"abc")
        self.listed = [1, 2.5, "three"]
        self.paired = (1, "two")
        self.unordered = {3, 1, 2}
        self.frozen = frozenset({"a", "b"})
        self.mapping = {"a": 1, "b": [2, 3]}
        self.ordered = OrderedDict(b=1, a=2)
        self.counted = Counter("hello")
        self.queue = deque([1, 2], maxlen=3)
        self.named = Pair(1, 2)
        self.point = Point(1.0, 2.0)
        self.colour = Colour.RED
        self.price = Decimal("1.10")
        self.third = Fraction(1, 3)
        self.day = date(2026, 1, 2)
        self.moment = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
        self.span = timedelta(hours=1)
        self.path = PurePosixPath("a/b")
        self.identifier = UUID(int=7)
        self.cycle = Node()
        self.array = np.arange(6.0).reshape(2, 3)
        self.stored = np.arange(3_000.0)
        self.frame = pd.DataFrame({"name": ["x", "y"], "rate": [0.5, 1.5]}, index=[3, 4])
        self.series = pd.Series([1, 2], name="n")
        self.order = list({"a", "b", "c", "d", "e"})
        self.parts = [1, 2]
        self.next(self.work, foreach="parts")

    @pypi(packages={"six": "1.16.0"})
    @retry(times=1)
    @step
    def work(self):
        import six

        self.version = six.__version__
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.thrown = random.random()
        self.total = sum(one.square for one in inputs) * self.alpha_of(inputs)
        self.next(self.end)

    def alpha_of(self, inputs):
        return inputs[0].alpha

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SealedFlow()
