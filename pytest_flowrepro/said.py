"""What Python and Metaflow say is missing, found in the text of a failure."""

from __future__ import annotations

import re

# `os.environ["X"]` ends in a frame of Python's own os module, frozen since 3.11.
_VARIABLE = re.compile(
    r'File "(?:<frozen os>|[^"\n]*/os\.py)", line \d+, in __getitem__\n(?:.*\n)*?'
    r"KeyError: '(?P<name>[^']+)'"
)
# metaflow/client/core.py MetaflowObject.__init__: `Flow('IngestFlow') does not exist`.
_OBJECT = re.compile(r"\b(?:Flow|Run|Step|Task)\('(?P<path>[^']+)'\) does not exist")
# metaflow/exception.py MetaflowNamespaceMismatch
_NAMESPACE = re.compile(r"Object not in namespace '(?P<name>[^']*)'")


def missing_variable(text: str) -> str | None:
    """The environment variable that the code looked up in vain."""
    found = _VARIABLE.search(text)
    return found["name"] if found else None


def missing_object(text: str) -> str | None:
    """The pathspec of the flow, run, step or task that Metaflow's client did not find."""
    found = _OBJECT.search(text)
    return found["path"] if found else None


def other_namespace(text: str) -> str | None:
    """The namespace in which Metaflow's client did not find what is there in another."""
    found = _NAMESPACE.search(text)
    return found["name"] if found else None


def variable_advice(name: str, flow: str) -> str:
    return (
        f"a rerun sees little of the user's environment; give it `{name}`, by value or passed "
        f"through and never written down:\n\n"
        f"    [tool.flowrepro.flow.{flow}]\n"
        f'    env = {{ {name} = "..." }}    # or: {name} = {{ pass = true }}\n'
    )


def object_advice(path: str, flow: str) -> str:
    upstream, _, run = path.partition("/")
    after = (
        f"a rerun begins with an empty datastore; let {upstream} run before it:\n\n"
        f"    [tool.flowrepro.flow.{flow}]\n"
        f'    after = ["{upstream}"]\n'
    )
    if run:
        after += (
            f"\nand read `Flow('{upstream}').latest_run`: {path} is there where it was made only\n"
        )
    return after


def namespace_advice(name: str) -> str:
    return (
        f"the flow looks for runs in namespace {name!r}, and in a rerun they are those of "
        "`user:flowrepro`: read them in the default namespace or with `namespace(None)`"
    )
