from metaflow import FlowSpec, step


class StampFlow(FlowSpec):
    @step
    def print_sheet(self):
        self.stamps = 10 * 5


class LetterFlow(FlowSpec):
    @step(start=True)
    def compose(self):
        self.text = "Dear Ida"
        self.next(self.send)

    @step(end=True)
    def send(self):
        self.sent = self.text + ", yours Olof"


if __name__ == "__main__":
    StampFlow()
    LetterFlow()
