"""Two flows that tell what the interpreters of their processes are, and how they end."""

import __main__

AT_START = sorted(vars(__main__))

import atexit
import json
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time

MODE = os.environ.get("MODE")
OWN = os.getpid()
atexit.register(lambda: OWN == os.getpid() and print("atexit"))
if MODE == "import":
    raise ValueError("while it is imported")
if MODE == "variable":
    os.environ["METAFLOW_S3_RETRY_COUNT"] = "77"

from metaflow import FlowSpec, current, metaflow_config, step


def squared(number):
    return number * number


def pooled(method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.map(squared, [3])


def stream(one):
    buffer = type(one.buffer).__name__
    told = (one.name, one.mode, one.encoding, one.errors, one.line_buffering, one.write_through)
    return [*told, one.newlines, buffer, one.fileno()]


def command_line():
    with open("/proc/self/cmdline", "rb") as file:
        return file.read().rstrip(b"\0").decode().split("\0")


def umask():
    found = os.umask(0o22)
    os.umask(found)
    return found


def facts():
    code = "import sys; print(sys.path[1:], 'metaflow' in sys.modules)"
    started = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return {
        "is a fork": hasattr(sys, "_flowrepro_warm"),
        "argv": sys.argv,
        "orig_argv": getattr(sys, "orig_argv", None),
        "command line": command_line(),
        "flags": list(sys.flags),
        "executable": sys.executable,
        "path": sys.path,
        "at start": AT_START,
        "main": [__main__.__file__, __main__.__name__, str(__main__.__spec__), __name__],
        "loader": type(__main__.__loader__).__name__,
        "threads": [thread.name for thread in threading.enumerate()],
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "cwd": os.getcwd(),
        "umask": umask(),
        "environ": dict(os.environ),
        "signals": [str(signal.getsignal(one)) for one in signal.Signals],
        "mask": [str(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
        "streams": [stream(one) for one in (sys.stdout, sys.stderr, sys.__stdout__)],
        "limits": [resource.getrlimit(one) for one in range(10)],
        "hash": str(hash("seed"))[:9],
        "zone": time.tzname,
        "pools": [pooled("fork"), pooled("spawn")],
        "started": started.stdout,
        "session": os.getsid(0) == os.getpgrp(),
        "current": [current.step_name, current.flow_name, current.retry_count],
        "modules": {name: getattr(one, "__file__", None) for name, one in sys.modules.items()},
    }


class Point:
    def __init__(self, **parts):
        self.__dict__.update(parts)

    def __reduce__(self):
        return Point, (), {**self.__dict__, "pickled with": [hash("seed"), __main__.__file__]}


class MirrorFlow(FlowSpec):
    @step
    def start(self):
        self.parts = [1, 2]
        self.point = Point(names={"a", "b", "c"}, other=Point(x=1))
        self.next(self.part, foreach="parts")

    @step
    def part(self):
        self.drawn = random.random()
        self.facts = facts()
        self.next(self.join)

    @step
    def join(self, inputs):
        one, other = inputs
        assert one.drawn != other.drawn, "a fork has the state of another's generator"
        with open("facts.json", "w") as file:
            json.dump([one.facts, other.facts], file)
        self.next(self.end)

    @step
    def end(self):
        pass


class EndingFlow(FlowSpec):
    @step
    def start(self):
        print("begun")
        if MODE == "variable":
            print("retries:", metaflow_config.S3_RETRY_COUNT)
        if MODE == "exit 3":
            sys.exit(3)
        if MODE == "_exit 4":
            os._exit(4)
        if MODE.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, MODE))
        if MODE == "raise":
            raise KeyError("in a step")
        if MODE == "interrupt":
            raise KeyboardInterrupt
        if MODE == "thread":
            threading.Thread(target=lambda: (time.sleep(0.2), print("later"))).start()
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MirrorFlow()
    EndingFlow()
