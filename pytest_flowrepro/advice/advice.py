"""Advice on failures: the configuration to add if a flow lacks something, and other fixes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.advice.tracebacks import (
    MissingCertificate,
    MissingCommand,
    MissingConfig,
    MissingCredentials,
    MissingDisplay,
    MissingFile,
    MissingInput,
    MissingLibrary,
    MissingModule,
    MissingName,
    MissingNetwork,
    MissingParameter,
    MissingParent,
    MissingRegion,
    MissingRun,
    MissingVariables,
    OtherNamespace,
    UnknownConfig,
    UnknownParameter,
    find_lack,
)
from pytest_flowrepro.support.project_folders import find_module, project_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_flowrepro.advice.tracebacks import Lack
    from pytest_flowrepro.model import FlowSource


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """The circumstances of a failed flow, from which advice is derived."""

    flow: FlowSource
    root: Path
    """The folder of the project."""
    cwd: Path
    """The folder that the flow is started in, in the user's tree."""
    copies: Path | None = None
    """The folder that holds the copies of the flow; None: it ran in the user's own tree."""
    requirements: Callable[[str], str]
    """A function that returns, for a package or "", the source of the flow's requirements, with the
    line to add."""
    environ: Mapping[str, str]
    """The environment variables of pytest itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    what: str
    """The lack as the rest of a sentence after the flow's name: `needs a display`."""
    hint: str
    subject: Path | None = None
    """The file at fault if it is not the flow's: then `what` is the whole sentence."""


def advise(text: str, situation: Situation, *, in_step: bool = False) -> Advice | None:
    """Return advice on what is missing according to a failure's text; None for other failures."""
    lack = find_lack(text, in_step=in_step)
    return None if lack is None else _advise(lack, situation)


def step_advice(
    text: str, situation: Situation, *, timed_out: bool = False, signal: str | None = None
) -> str | None:
    """Return a hint for a step that failed, or None.

    `timed_out`: the run was stopped because its time was up. `signal`: the one that ended the task.
    """
    if timed_out:
        return (
            "if the flow needs longer, raise `timeout` in [tool.flowrepro] or pass "
            "--flow-repro-timeout SECONDS; if it hangs, the lines above say where"
        )
    if match := _NO_SPLITS.search(text):
        return (
            f"see why `{match['name']}` is empty, or bypass the foreach then by a switch "
            "(`self.next({...}, condition=...)`): Metaflow refuses a foreach over nothing"
        )
    if _TIMEOUT.search(text):
        return (
            "raise the step's own @timeout, which ended it, or see in the traceback above where it "
            "was blocked"
        )
    if signal == "SIGKILL" or _OUT_OF_MEMORY.search(text):
        return (
            "if memory ran out, let fewer tasks run at a time (`max-workers = 1` in "
            "[tool.flowrepro]), give the flow less data, or run it on a machine with more memory"
        )
    advice = advise(text, situation, in_step=True)
    return None if advice is None else advice.hint


# metaflow/flowspec.py `next`; the command line takes the asterisks away.
_NO_SPLITS = re.compile(r"^ *Foreach iterator over \*?(?P<name>\w+).* zero splits", re.MULTILINE)
_OUT_OF_MEMORY = re.compile(r"^MemoryError\b", re.MULTILINE)
# metaflow/plugins/timeout_decorator.py TimeoutException
_TIMEOUT = re.compile(r"^\s*@timeout:", re.MULTILINE)


def _advise(lack: Lack, at: Situation) -> Advice | None:  # noqa: C901, PLR0911, PLR0912  a table
    match lack:
        case MissingFile():
            return _file_advice(lack, at)
        case MissingCommand():
            return _command_advice(lack, at)
        case MissingModule(name=name):
            return _module_advice(name, at)
        case MissingName(module=module, name=name):
            return _name_advice(module, name, at)
        case MissingVariables(names=names):
            variables = "variable" if len(names) == 1 else "variables"
            shown = ", ".join(f"`{name}`" for name in names)
            return Advice(
                what=f"needs the environment {variables} {shown}",
                hint=variable_hint(at.flow.name, *names),
            )
        case MissingCredentials(service=service, names=names):
            return _credentials_advice(service, names, at)
        case MissingRegion():
            return _region_advice(at)
        case MissingConfig():
            return _config_advice(lack, at)
        case UnknownConfig():
            return _unknown_config_advice(lack, at)
        case MissingParameter():
            return _parameter_advice(lack, at)
        case MissingRun(path=path):
            return _run_advice(path, at)
        case OtherNamespace(name=name):
            return Advice(
                what=f"looks for runs in namespace {name!r}",
                hint="read runs in the default namespace or with `namespace(None)`: the flow looks "
                f"for them in namespace {name!r}, and in a rerun they are in `user:flowrepro`",
            )
        case MissingNetwork() | MissingCertificate():
            return _network_advice(lack, at)
        case UnknownParameter(name=name):
            return Advice(
                what=f"has no parameter `{name}`",
                hint=f"correct `{name}` in tool.flowrepro.flow.{at.flow.name}.parameters, which "
                "takes the names of Metaflow's command line",
            )
        case MissingLibrary(name=name):
            return Advice(
                what=f"needs the system library {name}",
                hint=f"install the system library {name} on this machine and on every other that "
                "checks the flow; a lock has Python packages only",
            )
        case MissingParent():
            return Advice(
                what="has a relative import, but is not part of a package when its file is run",
                hint="import by the full name, as in `from package.module import name`: Metaflow "
                "starts a flow by its file, `python flow.py run`. If the package is in another "
                f"folder, put that on the path:\n\n{_table_header(at)}"
                '    env = { PYTHONPATH = "FOLDER" }\n',
            )
        case MissingInput():
            return Advice(
                what="reads from stdin",
                hint="use a Parameter, and give it a value: the step reads from stdin, which is "
                f"empty in a rerun\n\n{_table_header(at)}"
                "    parameters = { NAME = ... }\n",
            )
        case MissingDisplay():
            return Advice(
                what="needs a display",
                hint="draw without a display: matplotlib takes the backend from a variable:\n\n"
                f'{_table_header(at)}    env = {{ MPLBACKEND = "agg" }}\n',
            )


def _table_header(at: Situation) -> str:
    return f"    [tool.flowrepro.flow.{at.flow.name}]\n"


# --- variables, credentials, network --------------------------------------------------


def variable_hint(flow: str, *names: str) -> str:
    values = ", ".join(f'{name} = "..."' for name in names)
    shown = ", ".join(f"`{name}`" for name in names)
    return (
        f"set {shown} in `env`, as a value or passed through (which is never stored): a rerun sees "
        f"little of the user's environment\n\n"
        f"    [tool.flowrepro.flow.{flow}]\n"
        f"    env = {{ {values} }}    # or: {names[0]} = {{ pass = true }}\n"
    )


def _pass_through(names: tuple[str, ...]) -> str:
    return f"    env = {{ {', '.join(f'{name} = {{ pass = true }}' for name in names)} }}\n"


def _credentials_advice(service: str, names: tuple[str, ...], at: Situation) -> Advice:
    present = tuple(name for name in names if name in at.environ)
    if service == "AWS" and not present:
        where = (
            'a profile in ~/.aws is not seen; `eval "$(aws configure export-credentials --format '
            'env)"` sets its variables before pytest is started'
        )
        names = names[:2]
    else:
        where = "they are taken from pytest's own environment"
    return Advice(
        what=f"needs credentials of {service}",
        hint=f"pass the credentials of {service} through: a rerun sees none of the user's, and "
        f"these are never stored ({where})\n\n{_table_header(at)}{_pass_through(present or names)}",
    )


def _region_advice(at: Situation) -> Advice:
    region = at.environ.get("AWS_DEFAULT_REGION") or at.environ.get("AWS_REGION") or "us-east-1"
    return Advice(
        what="needs an AWS region",
        hint="set the region: a rerun sees no AWS configuration of the user\n\n"
        f'{_table_header(at)}    env = {{ AWS_DEFAULT_REGION = "{region}" }}\n',
    )


_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")


def _network_advice(lack: MissingNetwork | MissingCertificate, at: Situation) -> Advice:
    names = _AUTHORITIES if isinstance(lack, MissingCertificate) else _PROXIES
    present = tuple(name for name in names if name in at.environ)
    if present:
        return Advice(
            what="does not reach the network",
            hint="pass the user's network settings through: a rerun does not see them\n\n"
            f"{_table_header(at)}{_pass_through(present)}",
        )
    if isinstance(lack, MissingCertificate):
        return Advice(
            what="received a certificate of an unknown authority",
            hint="set REQUESTS_CA_BUNDLE to the authority's file when pytest is started, and pass "
            "it through:\n\n"
            f"{_table_header(at)}    env = {{ REQUESTS_CA_BUNDLE = {{ pass = true }} }}\n",
        )
    return Advice(
        what="does not reach the network",
        hint="check whether the address above can be reached from this machine now. Fetched data "
        "changes without the flow's code; keep it as a file of the project instead:\n\n"
        f'{_table_header(at)}    include = ["data/answer.json"]\n',
    )


def _command_advice(lack: MissingCommand, at: Situation) -> Advice | None:
    as_file = MissingFile(paths=(lack.name,), certain=False)
    return _file_advice(as_file, at) or Advice(
        what=f"starts the command `{lack.name}`, which is not on PATH",
        hint=f"install `{lack.name}` in a folder on PATH, on this machine and on every other that "
        "checks the flow; or require a Python package that has it"
        f"{at.requirements('')}",
    )


# --- modules --------------------------------------------------------------------------

_DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "decouple": "python-decouple",
    "dotenv": "python-dotenv",
    "git": "GitPython",
    "jwt": "pyjwt",
    "pkg_resources": "setuptools<81",
    "psycopg2": "psycopg2-binary",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def _distribution(module: str) -> str:
    """Return the most likely name of a module's package on the index."""
    top = module.partition(".")[0]
    return _DISTRIBUTIONS.get(top, top)


def _module_advice(dotted: str, at: Situation) -> Advice:
    top = dotted.partition(".")[0]
    what = f"imports `{top}`, which is not installed"
    line = include_line(dotted, flow=at.flow, root=at.root)
    if line is None:
        return Advice(
            what=what,
            hint=f"add the package that provides `{top}` to the flow's requirements, then record "
            f"again with --flow-repro-update{at.requirements(_distribution(dotted))}",
        )
    if at.copies is not None:
        return Advice(
            what=what,
            hint=f"add `{dotted}`, which the flow imports, to its code package:\n\n"
            f"{_table_header(at)}    {line}\n",
        )
    folder = find_module(dotted, root=at.root)
    assert folder is not None
    return Advice(
        what=what,
        hint=f"put {folder}, which has it, on Python's path, and into the flow's code package:"
        f"\n\n{_table_header(at)}"
        f'    env = {{ PYTHONPATH = "{_relative(folder, at.cwd)}" }}\n'
        f"    {line}\n",
    )


def _name_advice(module: str, name: str, at: Situation) -> Advice | None:
    top = module.partition(".")[0]
    if find_module(top, root=at.root) is not None:
        return None  # the flow's own module
    return Advice(
        what=f"imports `{name}` from `{module}`, whose installed release does not have it",
        hint=f"require the release of `{top}` that the flow is written for (run `pip show "
        f"{_distribution(top)}` where the flow works), then record again with "
        f"--flow-repro-update{at.requirements(f'{_distribution(top)}==VERSION')}",
    )


# --- files ----------------------------------------------------------------------------

_DATABASES = (".db", ".sqlite", ".sqlite3", ".duckdb")


def _file_advice(lack: MissingFile, at: Situation) -> Advice | None:
    named = _databases_in(at.flow.file) if lack.database else ()
    for path in (*_join(lack.paths), *lack.paths, *named):
        if advice := _project_file(path, at):
            return advice
    if lack.database:
        databases = [file for file in _files(at.root) if file.suffix in _DATABASES]
        if len(databases) == 1 and at.copies is not None:
            return _include_advice(databases[0], at)
    return _nowhere(lack.paths[0], at) if lack.certain and lack.paths else None


def _databases_in(file: Path) -> tuple[str, ...]:
    """Return the paths of databases in the text of a flow, most often in a constant."""
    text = file.read_text(encoding="utf-8", errors="replace")
    strings = re.findall(r"[\"']([\w./ -]+)[\"']", text)
    return tuple(path for path in strings if path.endswith(_DATABASES))


def _join(paths: tuple[str, ...]) -> Iterator[str]:
    """Yield each name joined to each folder, for a template and the folders of its search path."""
    for folder in paths:
        yield from (f"{folder}/{name}" for name in paths if name != folder and "/" not in name)


def _project_file(path: str, at: Situation) -> Advice | None:
    """Return advice on a file that the project has; None for any other."""
    named = Path(path)
    if not path.strip("./ ") or len(path) > 500 or "\0" in path:
        return None
    relative = _in_copy(named, at)
    if relative is not None and at.copies is not None and _exists(at.root / relative):
        return _include_advice(at.root / relative, at)
    if named.is_absolute() and relative is None:
        return None
    if relative is None:
        if at.copies is not None and _exists(at.cwd / named):
            return _include_advice(at.cwd / named, at)
        if ".." in named.parts:
            return None
        relative = named
    elif (at.root / relative).is_relative_to(at.cwd):
        relative = (at.root / relative).relative_to(at.cwd)
    start = _start_for(relative, at)
    return None if start is None else _started_elsewhere(start, relative, at)


def _in_copy(path: Path, at: Situation) -> Path | None:
    """Return a path below a copy of the flow, or below the project, relative to the project.

    Of a path that a library abbreviates to its end, return that end if the project has it. None
    for any other path.
    """
    if path.parts[0].startswith("..."):  # polars
        ends = (Path(*path.parts[first:]) for first in range(1, len(path.parts)))
        return next((end for end in ends if _exists(at.root / end)), None)
    if at.copies is not None:
        for parent in path.parents:
            if parent.parent.parent == at.copies:
                return path.relative_to(parent)
    return path.relative_to(at.root) if path.is_relative_to(at.root) else None


def _exists(path: Path) -> bool:
    if "*" in path.name:
        return any(path.parent.glob(path.name))
    return os.path.exists(path)  # noqa: PTH110  Path.exists raises for a name that is too long


def _include_advice(file: Path, at: Situation) -> Advice:
    line = _relative(file, at.flow.file.parent)
    return Advice(
        what=f"reads {line}, which is not in its code package",
        hint=f"add {line}, which the flow reads, to its code package:\n\n"
        f'{_table_header(at)}    include = ["{line}"]\n',
    )


def _start_for(path: Path, at: Situation) -> Path | None:
    """Return the folder of the project, nearest to the flow, that has a file of this path."""
    holders = [
        folder
        for folder in (parent for parent, _, _ in project_folders(at.root))
        if folder != at.cwd and _exists(folder / path)
    ]
    flow_folder = at.flow.file.parent
    return min(holders, key=lambda folder: len(_relative(folder, flow_folder)), default=None)


def _started_elsewhere(start: Path, path: Path, at: Situation) -> Advice:
    line = _relative(start / path, at.flow.file.parent)
    cwd = start.relative_to(at.root).as_posix()
    return Advice(
        what=f"reads {path.as_posix()}, which is in another folder",
        hint=f"start the flow in {'the project folder' if cwd == '.' else f'`{cwd}`'}, which has "
        f"`{path.as_posix()}`: the flow reads it from the folder that it is started in; and add "
        f'the file to its code package:\n\n{_table_header(at)}    cwd = "{cwd}"\n'
        f'    include = ["{line}"]\n',
    )


def _nowhere(path: str, at: Situation) -> Advice:
    what = f"reads {path}, which does not exist"
    if at.copies is not None and f"{at.copies}{os.sep}" in path and "/home/" in path:
        return Advice(
            what=what,
            hint="read the file by a path in a variable: a rerun has its own HOME, which is empty"
            f"\n\n{_table_header(at)}    env = {{ DATA_FOLDER = {{ pass = true }} }}\n",
        )
    where = Path(path) if Path(path).is_absolute() else at.cwd / path
    if at.copies is not None and (below := _in_copy(where, at)):
        where = at.root / below
    return Advice(
        what=what,
        hint=f"create {where}, or correct the path: no folder of the project has `{path}`. A file "
        "that is fetched or generated has to exist before the flow is started",
    )


def _files(root: Path) -> Iterator[Path]:
    for parent, _, names in project_folders(root):
        yield from (parent / name for name in names)


def _relative(path: Path, start: Path) -> str:
    # Path.relative_to(walk_up=True) comes with Python 3.12 only.
    return Path(os.path.relpath(path, start)).as_posix()


# --- configs, parameters and runs -----------------------------------------------------


def _config_advice(lack: MissingConfig, at: Situation) -> Advice:
    name = lack.name or "CONFIG"
    if lack.file is not None:
        return _config_file(name, lack.file, at)
    value = f"{{ {lack.key} = ... }}" if lack.key else '"FILE"'
    lines = (
        f"{_table_header(at)}    configs = {{ {name} = {value} }}"
        '    # or a table, or a text: { value = "..." }\n'
    )
    whose = f"its config '{lack.name}'" if lack.name else "a config"
    which = "" if lack.name else "; replace CONFIG by its name"
    return Advice(
        what=f"cannot start without {whose}: {lack.problem}",
        hint=f"give it a file, a table or a text{which}:\n\n{lines}",
    )


def _config_file(name: str, file: str, at: Situation) -> Advice:
    what = f"The file for config '{name}' of {at.flow.name} cannot be read"
    subject = at.cwd / file
    start = None if Path(file).is_absolute() else _start_for(Path(file), at)
    if start is not None:
        hint = _started_elsewhere(start, Path(file), at).hint
        return Advice(what=what, hint=hint, subject=subject)
    return Advice(
        what=what,
        subject=subject,
        hint="create it, correct the Config's default, which is relative to where the flow is "
        f'started, or name another file:\n\n{_table_header(at)}    configs = {{ {name} = "FILE" }}'
        f'    # or, for a text: {{ value = "{file}" }}\n',
    )


def _unknown_config_advice(lack: UnknownConfig, at: Situation) -> Advice:
    if lack.name is None:
        return Advice(
            what="takes no configs",
            hint=f"remove `configs` from tool.flowrepro.flow.{at.flow.name}, or give the flow a "
            "`Config`: its class does not have one, or its Metaflow is older than 2.13"
            f"{at.requirements('metaflow>=2.13')}",
        )
    return Advice(
        what=f"has no config '{lack.name}'",
        hint=f"correct `{lack.name}` in tool.flowrepro.flow.{at.flow.name}.configs; the flow has: "
        f"{lack.known}",
    )


def parameter_hint(flow: str, *names: str) -> str:
    values = ", ".join(f"{name} = ..." for name in names)
    return (
        f"give {'it a value' if len(names) == 1 else 'them values'} in pyproject.toml:\n\n"
        f"    [tool.flowrepro.flow.{flow}]\n"
        f"    parameters = {{ {values} }}\n"
    )


def _parameter_advice(lack: MissingParameter, at: Situation) -> Advice:
    what = f"cannot start without its parameter {lack.name}: {lack.problem}"
    if lack.file is not None and (advice := _project_file(lack.file, at)):
        return Advice(what=what, hint=advice.hint)
    if lack.file is not None:
        return Advice(
            what=what,
            hint="create it, correct the default, which is relative to where the flow is started, "
            f"or name another file:\n\n{_table_header(at)}"
            f'    parameters = {{ {lack.name} = "FILE" }}\n',
        )
    return Advice(what=what, hint=parameter_hint(at.flow.name, lack.name))


def _run_advice(path: str, at: Situation) -> Advice:
    upstream, _, run = path.partition("/")
    what = f"reads {path} while it is loaded"
    if at.copies is None:
        return Advice(
            what=what,
            hint="read it in a step: when a flow is described, no run exists yet",
        )
    after = (
        f"let {upstream} run before it: a rerun begins with an empty datastore\n\n"
        f'{_table_header(at)}    after = ["{upstream}"]\n'
    )
    if run:
        after += (
            f"\nand read `Flow('{upstream}').latest_run`: {path} exists only where it was made\n"
        )
    return Advice(what=what, hint=after)


def include_line(dotted: str, *, flow: FlowSource, root: Path) -> str | None:
    """Return the `include` setting that packages a module of the project; None without one.

    The whole folder of the module is included, as the module may import from it, unless the flow
    itself is in that folder.
    """
    folder = find_module(dotted, root=root)
    if folder is None:
        return None
    top, flow_folder = folder / dotted.partition(".")[0], flow.file.parent
    if not flow_folder.is_relative_to(folder):
        top = folder
    elif not top.is_dir():
        top = top.with_suffix(".py")
    # Path.relative_to(walk_up=True) comes with Python 3.12 only.
    return f'include = ["{Path(os.path.relpath(top, flow_folder)).as_posix()}"]'
