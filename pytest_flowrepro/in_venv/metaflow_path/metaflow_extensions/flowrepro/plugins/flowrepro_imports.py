"""The modules that a task has loaded: those of its environment, and files of the code package.

Read from `sys.modules` when the step has ended: an import hook would not see the modules that
Metaflow had imported before the flow did, and would be in the user's tracebacks.
"""

import os
import sys

_INSTALLED = "%ssite-packages%s" % (os.sep, os.sep)


def loaded(folders):
    """Return the installed modules and the files below `folders` (absolute) that were loaded.

    A module is named by its installed package: `pandas`, not `pandas.io`. In a namespace that
    several distributions share (PEP 420), that is `google.auth`, not `google`. Files are relative
    to their folder, with `/`. Both are sorted.
    """
    files = {name: file for name, module in list(sys.modules.items()) for file in _file(module)}
    installed = {name for name, file in files.items() if _INSTALLED in file}
    modules = {
        name for name in installed if not any(parent in installed for parent in _parents(name))
    }
    sources = set()
    for file in files.values():
        for folder in folders:
            if file.startswith(os.path.join(folder, "")):
                sources.add(os.path.relpath(file, folder).replace(os.sep, "/"))
    return sorted(modules), sorted(sources)


def _file(module):
    """Return the module's file, if any; a module that is loaded lazily stays as it is."""
    try:
        file = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:  # noqa: BLE001  anything may be in `sys.modules`
        return ()
    if not isinstance(file, str):
        return ()
    # Normalizing each of a thousand paths takes 10 ms.
    return (file if os.path.isabs(file) else os.path.abspath(file),)


def _parents(name):
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))
