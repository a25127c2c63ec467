"""Describe a flow as Metaflow sees it: `python flow.py flowrepro-describe --output FILE`.

This is a command of Metaflow's own command line, so that the flow's main guard starts it as it
starts `run`, and configs, mutators and decorators are resolved by then. It runs Metaflow's
validity checks (metaflow/lint.py) first, then writes JSON:

    {"name": "TrainFlow",
     "steps": [{"name": "start", "type": "foreach", "next": ["train"],     in topological order
                "decorators": [{"name": "retry", "attributes": {"times": 2}}]}],
     "decorators": [{"name": "project", "attributes": {"name": "demo"}}],  the flow's own
     "parameters": [{"name": "alpha", "type": "Parameter", "required": false, "default": "0.1"}],
     "files": [{"source": "/home/me/flows/config.json", "place": null},
               {"source": "/home/me/shared/rates.yaml", "place": "conf/rates.yaml"}]}

`default` is null without a default and for one that a function computes. A `source` is absolute.
The `files` are those that the defaults of IncludeFile and Config name, existing or not; those that
decorators and mutators such as @package_sources add to the package, with their `place` in it; and
the modules that Metaflow packages wherever they are. Installed files are left out.
"""

# ruff: noqa: SLF001  Metaflow has no public names for these attributes
import json
import math
import os
import re
import sys
import sysconfig
from itertools import chain

from metaflow._vendor import click
from metaflow.includefile import IncludeFile
from metaflow.lint import linter
from metaflow.parameters import DeployTimeField

try:
    from metaflow.packaging_sys import ContentType
    from metaflow.packaging_sys.utils import walk_without_cycles
    from metaflow.user_decorators.user_flow_decorator import FlowMutatorMeta
    from metaflow.user_decorators.user_step_decorator import UserStepDecoratorMeta
except ImportError:  # before 2.16 only the flow's folder is packaged, and nothing adds to it
    ContentType = None

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_OURS = "flowrepro"
_FOLDER = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "")


@click.group()
def cli():
    pass


@cli.command("flowrepro-describe", hidden=True, help="Describe the flow for pytest-flowrepro.")
@click.option("--output", required=True)
@click.pass_obj
def describe(obj, output):
    linter.run_checks(obj.graph)
    text = json.dumps(_description(obj.flow, obj.graph), sort_keys=True)
    with open(output + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(output + ".part", output)


def _description(flow, graph):
    parameters = sorted((parameter for _, parameter in flow._get_parameters()), key=_name)
    return {
        "name": flow.name,
        "steps": described_steps(graph),
        "decorators": _decorators(_flow_decorators(flow), _flow_mutators(flow)),
        "parameters": [_parameter(parameter) for parameter in parameters],
        "files": _files(flow, parameters),
    }


def _name(parameter):
    return parameter.name


def _flow_decorators(flow):
    return chain.from_iterable(flow._flow_decorators.values())


def _flow_mutators(flow):
    return getattr(flow, "_flow_mutators", ())  # there since 2.19.2


def _users_decorators(step):
    """Return wrappers and mutators of a step or of its node in the graph, there since 2.16."""
    return chain(getattr(step, "wrappers", ()), getattr(step, "config_decorators", ()))


def _in_order(graph):
    if hasattr(graph, "sorted_nodes"):  # there since 2.13
        return graph.sorted_nodes
    order, pending = [], ["start"]
    while pending:
        name = pending.pop(0)
        if name in order:
            order.remove(name)  # a join comes after the last of its branches
        order.append(name)
        pending.extend(graph[name].out_funcs)
    return order


# --- steps and decorators, as in metaflow/graph.py output_steps -----------------------


def described_steps(graph):
    return [_step(graph[name]) for name in _in_order(graph)]


def _step(node):
    return {
        "name": node.name,
        "type": node.type,
        "next": node.out_funcs,
        "decorators": _decorators(node.decorators, _users_decorators(node)),
    }


def _decorators(metaflows, users):
    """Return Metaflow's decorators, without its internal ones and ours, then the user's own."""
    decorators = [
        {"name": decorator.name, "attributes": _plain(decorator.attributes)}
        for decorator in metaflows
        if not decorator.name.startswith(("_", _OURS))
    ]
    for users_decorator in users:
        attributes = {"_args": users_decorator._args} if users_decorator._args else {}
        attributes.update(users_decorator._kwargs)
        # Named after their module, which is the flow's file more often than not.
        name = re.sub("^__main__[.]", "", users_decorator.decorator_name)
        decorators.append({"name": name, "attributes": _plain(attributes)})
    return decorators


def _plain(value):
    """Return JSON that is the same in every process and, where possible, on every machine."""
    if isinstance(value, DeployTimeField):
        value = value.fun
    if isinstance(value, dict):
        plain = {str(_plain(key)): _plain(item) for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        plain = [_plain(item) for item in value]
    elif isinstance(value, (set, frozenset)):
        plain = sorted((_plain(item) for item in value), key=json.dumps)
    elif value is None or (isinstance(value, (bool, int, float)) and math.isfinite(value)):
        plain = value
    else:
        text = _ADDRESS.sub("", getattr(value, "__qualname__", None) or str(value))
        plain = text[len(_FOLDER) :] if text.startswith(_FOLDER) else text  # noqa: FURB188
    return plain


# --- parameters and files -------------------------------------------------------------


def _parameter(parameter):
    default = _default(parameter)
    if isinstance(default, (dict, list)):
        default = json.dumps(default, sort_keys=True)
    return {
        "name": parameter.name,
        "type": type(parameter).__name__,
        "required": default is None and bool(parameter.kwargs.get("required")),
        "default": None if default is None or callable(default) else str(default),
    }


def _default(parameter):
    default = parameter.kwargs.get("default")
    if isinstance(parameter, IncludeFile) and isinstance(default, DeployTimeField):
        return default.print_representation  # each default of an IncludeFile is wrapped in one
    return default


def _default_files(parameters):
    for parameter in parameters:
        if isinstance(parameter, IncludeFile) or getattr(parameter, "_default_is_file", False):
            path = _default(parameter)
            if callable(path):
                try:
                    path = path()
                except Exception:  # noqa: BLE001, S112  the user's function; a run reports it better
                    continue
            # A file that was uploaded before is given as JSON (metaflow/includefile.py).
            if isinstance(path, (str, os.PathLike)) and not os.fspath(path).startswith(("{", '"{')):
                yield os.path.abspath(os.path.expanduser(os.fspath(path)))


def _files(flow, parameters):
    files = {(path, None) for path in _default_files(parameters)}
    if ContentType is not None:
        files.update(_added_files(flow))
        files.update((path, None) for module in _packaged_modules() for path in _of_module(module))
    return [
        {"source": source, "place": place}
        for source, place in sorted(files, key=lambda file: (file[0], file[1] or ""))
        if "__flowrepro__" not in source.split(os.sep)
    ]


def _added_files(flow):
    """Yield files that decorators and mutators add (metaflow/package `_add_addl_files`).

    Metaflow puts the user's content next to the flow, and code into a folder that is on Python's
    path as well: one place serves both.
    """
    of_steps = (chain(step.decorators, _users_decorators(step)) for step in flow)
    mutators = _flow_mutators(flow)
    everything = chain(_flow_decorators(flow), mutators, chain.from_iterable(of_steps))
    for extension in everything:
        for content, name, *kind in getattr(extension, "add_to_package", list)():
            if kind == [ContentType.MODULE_CONTENT]:
                for path in _of_module(content):
                    yield path, None
            elif os.path.isfile(content) and not _is_installed(content):
                yield os.path.abspath(content), name


def _packaged_modules():
    """Yield modules as metaflow/package MetaflowPackage selects them."""
    mutators = {*FlowMutatorMeta._import_modules, *UserStepDecoratorMeta._import_modules}
    for name, module in sorted(sys.modules.items()):
        try:
            included = module.METAFLOW_PACKAGE_POLICY == "include"
        except Exception:  # noqa: BLE001  a lazy module may raise what it likes
            included = False
        if included or name in mutators:
            yield module


def _of_module(module):
    """Yield a module's files, unless installed (metaflow/packaging_sys/v1.py _module_files)."""
    for root in getattr(module, "__path__", None) or [getattr(module, "__file__", None)]:
        if root is None or _is_installed(root):
            continue
        if os.path.isfile(root):
            yield os.path.abspath(root)
        for parent, *_, files in walk_without_cycles(root):  # 2.16 gives no folders
            for name in files:
                if "__pycache__" not in parent and not name.endswith(".pyc"):
                    yield os.path.join(os.path.abspath(parent), name)


def _is_installed(path):
    folders = (sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
    real = os.path.realpath(path)
    return any(real.startswith(os.path.join(os.path.realpath(folder), "")) for folder in folders)
