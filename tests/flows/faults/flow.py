"""Artifacts that do whatever a value can do to those who read it; each changes with CHANGED."""

import os

from metaflow import FlowSpec, step

CHANGED = 0
ORDERS = "\x1b[31m\n::error::owned\n##[error]<script>|`a` **b** %d"
READ = __name__ != "__main__"
"""Whether this is loaded by the process that reads the artifacts."""


class Hostile:
    def __init__(self, x=CHANGED):
        self.x = x

    def fail(self, *_):
        raise RuntimeError("called")

    __eq__ = __hash__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = fail
    attribute = property(fail)


class Refuses(Hostile):
    def __getstate__(self):
        if READ:
            raise RuntimeError(ORDERS % 0)
        return {"x": self.x}


class Exits(Hostile):
    def __getstate__(self):
        if READ:
            os._exit(0)
        return {"x": self.x}


class Leaves(Hostile):
    def __setstate__(self, state):
        raise SystemExit(0)


class Prints(Hostile):
    def __setstate__(self, state):
        vars(self).update(state)
        for _ in range(1_000 * READ):
            print(ORDERS * 1_000)


def nested(depth):
    found = []
    for _ in range(depth):
        found = [found]
    return found


class Deep(Hostile):
    def __reduce__(self):
        return nested, (100_000 + self.x,)


class Friend:
    def __init__(self, name):
        self.name = name


def friends(*names):
    found = [Friend(name) for name in names]
    for friend in found:
        friend.friends = set(found) - {friend}
    return found


NAMED = ORDERS % 1
Named = type(NAMED, (Hostile,), {"__module__": __name__})
globals()[NAMED] = Named

if __name__ == "__main__":

    class Gone(Hostile):
        """For the process that reads it, there is no such class."""


class FaultsFlow(FlowSpec):
    @step
    def start(self):
        self.as_ever = "as ever"
        self.cycle = [CHANGED]
        self.cycle.append(self.cycle)
        self.deep = Deep()
        self.exits = Exits()
        self.friends = friends(*range(12), CHANGED)
        self.gone = Gone()
        self.hostile = [Hostile(), {"inside": Hostile()}]
        self.iterator = zip(range(2), [CHANGED, 2])
        self.leaves = Leaves()
        self.named = Named()
        self.numbers = [float("nan"), float("inf"), -0.0 if CHANGED else 0.0]
        self.orders = {ORDERS % CHANGED: ORDERS % CHANGED}
        self.prints = Prints()
        self.refuses = Refuses()
        self.surrogate = {"\udfff": "\ud800%d" % CHANGED}
        self.unordered = {"key %d" % i: {str(i), "a", "b", "c"} for i in range(50 + CHANGED)}
        setattr(self, ORDERS % 2, CHANGED)
        self.letters = "dbae" if CHANGED else "abc"
        self.next(self.work, foreach="letters")

    @step
    def work(self):
        self.letter = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FaultsFlow()
