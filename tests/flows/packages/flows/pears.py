"""Uses a package of its repository, which is required by its folder."""

from importlib.metadata import entry_points, version

from metaflow import FlowSpec, pypi, step


class PearsFlow(FlowSpec):
    @step
    def start(self):
        from orchard.trees import pear

        self.tree = pear()
        self.next(self.look_up)

    @step
    def look_up(self):
        self.version = version("orchard-tools")
        (self.found,) = [point.load()() for point in entry_points(group="orchard.trees")]
        self.next(self.alone)

    @pypi(packages={"six": "1.17.0"})
    @step
    def alone(self):
        try:
            import orchard
        except ImportError:
            orchard = None
        self.seen = orchard is not None
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PearsFlow()
