"""The files that a task's Python code opens for writing, replaces or removes.

An audit hook (PEP 578) sees what this process does by Python's own means. It does not see files
that a C library opens or another process writes.
"""

import os
import sys

LIMIT = 1000
"""Paths kept: a step that writes more writes a whole tree, and a list of it is of no use."""

_WRITING = os.O_WRONLY | os.O_RDWR

_EVENTS = {"open": 0, "os.rename": 1, "os.remove": 0, "os.truncate": 0, "os.link": 1}
"""Events that change a file -> the index of its path among the arguments of the event."""


class Written:
    """The paths below some folders that were opened for writing since `watch`."""

    def __init__(self, folders):
        self._folders = tuple(os.path.join(folder, "") for folder in folders)
        self._paths = set()

    def watch(self):
        """Start, for the rest of this process: Python has no way to remove an audit hook."""
        sys.addaudithook(self._note)

    def paths(self):
        """Return the paths, absolute and sorted; bytes that are not UTF-8 are shown as escapes."""
        paths = list(self._paths)  # at once: a thread of the step may still write
        return sorted(path.encode("utf-8", "backslashreplace").decode() for path in paths)

    def _note(self, event, args):
        # Called for each import and attribute look-up, too: the common case comes first.
        if event not in _EVENTS:
            return
        try:
            if event == "open":
                path, _, flags = args
                if not flags & _WRITING:
                    return
            else:
                path = args[_EVENTS[event]]
            if event == "os.remove" and args[1] != -1:
                return  # relative to a folder that is not known here
            if isinstance(path, int) or len(self._paths) >= LIMIT:
                return
            path = os.path.abspath(os.fsdecode(path))
            if path.startswith(self._folders) and "%s__pycache__%s" % (os.sep, os.sep) not in path:
                self._paths.add(path)
        except Exception:  # noqa: BLE001, S110  what a hook raises, the flow's own call would raise
            pass
