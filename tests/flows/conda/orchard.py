"""An orchard that is counted with packages from conda."""
import sys

from metaflow import FlowSpec, conda, conda_base, step


@conda_base(packages={"six": ">=1.15"})
class OrchardFlow(FlowSpec):
    @conda(packages={"frames": "2.1"})
    @step
    def start(self):
        import frames
        import six

        self.trees = [frames.VERSION, six.VERSION]
        self.inside = sys.prefix == sys.base_prefix
        self.next(self.pick)

    @step
    def pick(self):
        import six

        self.apples = six.VERSION
        try:
            import frames
        except ImportError:
            self.frames = "not here"
        self.next(self.end)

    @conda(disabled=True)
    @step
    def end(self):
        self.counted = len(self.trees)


if __name__ == "__main__":
    OrchardFlow()
