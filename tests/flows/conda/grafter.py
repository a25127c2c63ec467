"""Edits a library in the environment that it shares with a step of the orchard."""
from metaflow import FlowSpec, conda_base, step


@conda_base(libraries={"six": ">=1.15"})
class GraftFlow(FlowSpec):
    @step
    def start(self):
        import six

        with open(six.__file__, "a") as file:
            file.write("VERSION = 'grafted'\n")
        self.next(self.end)

    @step
    def end(self):
        import six

        self.grafted = six.VERSION


if __name__ == "__main__":
    GraftFlow()
