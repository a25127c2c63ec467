"""The global random generators that a task took numbers from.

A generator that is not seeded begins with another state in each process. If a task drew from one,
and its final state differs between two reruns, the artifacts of the task depend on chance, even if
they are equal in the two reruns.
"""

import hashlib
import sys


class Drawn:
    """The global generators, of Python and of numpy, as they were when a task began."""

    def __init__(self):
        self._before = dict(_states())

    def generators(self):
        """Return `<name> <digest>` of each generator that was drawn from since then, sorted."""
        drawn = []
        for name, state in _states():
            began = self._before.get(name)
            if _is_fresh(name, state) if began is None else state == began:
                continue
            drawn.append("%s %s" % (name, hashlib.sha256(repr(state).encode()).hexdigest()[:16]))
        return sorted(drawn)


def _is_fresh(name, state):
    """Return whether a generator is at the position of one that was just made."""
    if name == "random":
        return state[1] == sys.modules["random"].Random().getstate()[1][-1]
    return state[1] == sys.modules["numpy.random.mtrand"].RandomState().get_state()[2]


def _states():
    """Yield name, and key and position, of the generators of those modules that are loaded."""
    try:
        if "random" in sys.modules:
            *key, position = sys.modules["random"].getstate()[1]
            yield "random", (tuple(key), position)
        if "numpy.random.mtrand" in sys.modules:
            state = sys.modules["numpy.random.mtrand"].get_state()
            yield "numpy.random", (state[1].tobytes(), int(state[2]))
    except Exception:  # noqa: BLE001  the flow may have put anything in their place
        return
