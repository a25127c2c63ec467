import time

from metaflow import FlowSpec, exit_hook, step, timeout


def mourn():
    print("the crawl is over")


@exit_hook(on_error=["mourn"])
class SlowFlow(FlowSpec):
    @timeout(seconds=1)
    @step
    def start(self):
        time.sleep(30)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SlowFlow()
