"""Fits a model of its own class."""
import numpy as np
from metaflow import FlowSpec, step

RATE = 0.125


class Model:
    def __init__(self):
        self.coef = np.zeros(4)
        self.intercept = 0.0
        self.classes = ["cat", "dog"]

    def fit(self, x, y):
        for _ in range(2):
            error = x @ self.coef + self.intercept - y
            self.coef -= RATE * x.T @ error / len(y)
            self.intercept -= float(RATE * error.mean())
        return self


class ModelFlow(FlowSpec):
    @step
    def start(self):
        self.x = np.arange(32.0).reshape(8, 4) / 32
        self.y = (self.x.sum(axis=1) > 1).astype(float)
        self.next(self.train)

    @step
    def train(self):
        self.model = Model().fit(self.x, self.y)
        self.next(self.end)

    @step
    def end(self):
        self.score = round(float(self.model.intercept), 3)


if __name__ == "__main__":
    ModelFlow()
