"""Has a hyperparameter and, in a later step, code that change together."""
from metaflow import FlowSpec, Parameter, step


class HyperFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.1)

    @step
    def start(self):
        self.rows = [1, 2, 3]
        self.next(self.train)

    @step
    def train(self):
        self.weights = [self.alpha * row for row in self.rows]
        self.next(self.score)

    @step
    def score(self):
        self.auc = sum(self.weights) / 2
        self.next(self.end)

    @step
    def end(self):
        self.report = f"auc {self.auc:.3f}"


if __name__ == "__main__":
    HyperFlow()
