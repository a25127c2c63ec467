"""Keeps a counter in a file beside itself, as scripts do that only their author runs."""
import getpass
import locale
import os
import time
from pathlib import Path

from metaflow import FlowSpec, step


class CounterFlow(FlowSpec):
    @step
    def start(self):
        counter = Path("state/counter.txt")
        counter.parent.mkdir(exist_ok=True)
        before = int(counter.read_text()) if counter.exists() else 0
        counter.write_text(str(before + 1))
        self.count = before + 1
        self.surroundings = {
            "encoding": locale.getpreferredencoding(),
            "files": {path.name: oct(path.stat().st_mode) for path in Path().rglob("*.*")},
            "environment": sorted(name for name in os.environ if "TOKEN" in name),
            "folders": [os.getcwd(), str(Path.home()), os.environ["TMPDIR"]],
            "user": getpass.getuser(),
            "zone": time.tzname,
        }
        self.next(self.tidy)

    @step
    def tidy(self):
        Path("draft.csv").unlink()
        with Path("words.csv").open("a") as words:
            words.write("three\n")
        self.words = Path("words.csv").read_text().split()
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CounterFlow()
