"""Needs a package of any version, and a new one was released."""
from metaflow import FlowSpec, pypi_base, step


@pypi_base(packages={"flowrepro-plums": ">=1"})
class FreshFlow(FlowSpec):
    @step
    def start(self):
        import flowrepro_plums

        self.plums = flowrepro_plums.VERSION
        self.next(self.end)

    @step
    def end(self):
        self.label = f"plums {self.plums}"


if __name__ == "__main__":
    FreshFlow()
