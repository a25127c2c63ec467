"""Bakes with other tools in each step."""
from metaflow import FlowSpec, pypi, pypi_base, step


@pypi_base(packages={"six": "1.16.0"})
class BakeryFlow(FlowSpec):
    @step
    def start(self):
        import six

        self.tools = {"start": six.__version__}
        self.next(self.knead, self.proof)

    @pypi(packages={"six": ">=1.15,<1.16"})
    @step
    def knead(self):
        import six

        self.dough = six.__version__
        self.next(self.bake)

    @pypi(packages={"toolz": "", "six": "1.17.0"})
    @step
    def proof(self):
        import six
        import toolz

        self.dough = [six.__version__, toolz.__name__]
        self.next(self.bake)

    @step
    def bake(self, inputs):
        import six

        self.doughs = [one.dough for one in inputs]
        self.oven = six.__version__
        self.next(self.end)

    @pypi(disabled=True)
    @step
    def end(self):
        try:
            import toolz
        except ImportError:
            self.left = "nothing"
        else:
            self.left = toolz.__name__


if __name__ == "__main__":
    BakeryFlow()
