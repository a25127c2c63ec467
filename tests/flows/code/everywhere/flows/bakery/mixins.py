from metaflow import step

from bakery.base import BakeryFlow


class SourdoughFlow(BakeryFlow):
    def water(self):
        return super().water() + 50 * self.loaves


class SeededFlow(BakeryFlow):
    def water(self):
        return super().water() + 10


class Glazed:
    @step
    def bake(self):
        self.bread = "glazed"
        self.next(self.end)
