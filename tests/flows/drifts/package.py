"""Needs a package that is upgraded."""
from metaflow import FlowSpec, pypi_base, step


@pypi_base(packages={"flowrepro-pears": "1.0"})
class PackageFlow(FlowSpec):
    @step
    def start(self):
        import flowrepro_pears

        self.pears = flowrepro_pears.VERSION
        self.next(self.end)

    @step
    def end(self):
        self.label = f"pears {self.pears}"


if __name__ == "__main__":
    PackageFlow()
