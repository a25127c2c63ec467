"""Mills with packages that people get from conda."""
from metaflow import FlowSpec, conda, conda_base, step


@conda_base(libraries={"toolz": "1.0.0"})
class MillFlow(FlowSpec):
    @conda(packages={"conda-forge::toolz": ">=1,<1.1"})
    @step
    def start(self):
        import toolz

        self.stones = list(toolz.unique([1, 2, 1]))
        self.next(self.end)

    @step
    def end(self):
        import toolz

        self.version = toolz.__version__


if __name__ == "__main__":
    MillFlow()
