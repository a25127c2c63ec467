import os
import subprocess

from metaflow import FlowSpec, step


def git(*args):
    done = subprocess.run(["git", *args], check=True, capture_output=True, text=True)
    return done.stdout.strip()


COMMIT = git("rev-parse", "HEAD")
TOP = git("rev-parse", "--show-toplevel")


class ReleaseFlow(FlowSpec):
    @step
    def start(self):
        self.commit = COMMIT
        self.branch = git("branch", "--show-current")
        self.clean = git("status", "--porcelain") == ""
        self.next(self.end)

    @step
    def end(self):
        with open(os.path.join(TOP, "flows", "release.py")) as file:
            self.lines = len(file.readlines())


if __name__ == "__main__":
    ReleaseFlow()
