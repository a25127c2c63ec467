"""Let a file that starts several flows run one of them.

`AFlow(); BFlow()` under a main guard always runs AFlow: its constructor is Metaflow's command
line and never returns (metaflow/flowspec.py). In the file that FLOWREPRO_FILE names, the
constructors of all flows but FLOWREPRO_FLOW return at once and leave the command line to it. In
any other file, which a flow may start by metaflow.Runner, nothing is changed.

A fork of warm.py has imported Metaflow before the flow's file ran, which may have set variables
that Metaflow reads when it is imported. Then a new interpreter takes its place.
"""

import os as _os
import sys as _sys

from metaflow.flowspec import FlowSpec as _FlowSpec

__version__ = "1"  # Metaflow 2.12 reads it of every such module

_wanted = _os.environ.get("FLOWREPRO_FLOW")
_file = _os.environ.get("FLOWREPRO_FILE", "")
_init = _FlowSpec.__init__


def _init_selected(self, use_cli=True):
    if hasattr(_sys, "_flowrepro_warm"):
        _start_anew_if_changed(_sys._flowrepro_warm)  # noqa: SLF001
    _init(self, use_cli=use_cli and type(self).__name__ == _wanted)


def _start_anew_if_changed(started):
    if _of_metaflow(_os.environb) != _of_metaflow(started.environ):
        _sys.stdout.flush()
        _sys.stderr.flush()
        _os.execve(started.argv[0], started.argv, started.environ)  # noqa: S606


def _of_metaflow(environ):
    return {name: value for name, value in environ.items() if name.startswith(b"METAFLOW_")}


if _wanted and _os.path.realpath(_sys.argv[0]) == _os.path.realpath(_file):
    _FlowSpec.__init__ = _init_selected
