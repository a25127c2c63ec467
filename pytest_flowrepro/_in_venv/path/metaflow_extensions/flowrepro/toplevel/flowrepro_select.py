"""Lets a file that starts several flows run the one that is asked for.

`AFlow(); BFlow()` under a main guard always runs AFlow: its constructor is Metaflow's command
line and never returns (metaflow/flowspec.py). While FLOWREPRO_FLOW names a flow, the constructors
of the others return at once and leave the command line to it.
"""

import os as _os

from metaflow.flowspec import FlowSpec as _FlowSpec

__version__ = "1"  # Metaflow 2.12 reads it of every such module

_wanted = _os.environ.get("FLOWREPRO_FLOW")
_init = _FlowSpec.__init__


def _init_selected(self, use_cli=True):
    _init(self, use_cli=use_cli and type(self).__name__ == _wanted)


if _wanted:
    _FlowSpec.__init__ = _init_selected
