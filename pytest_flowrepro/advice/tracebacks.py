"""Detection of missing things, from the messages of Python, Metaflow and libraries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# --- kinds of lacks -------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingFile:
    """A file or folder that was not found, with every path that the text may mean."""

    paths: tuple[str, ...]
    certain: bool = True
    """False: the text may be about something else, unless the project has a file of that path."""
    database: bool = False
    """True for SQLite, which creates an empty database instead of failing, and names no file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingModule:
    name: str
    """The dotted name; or that of a distribution, if the library that needs it reports that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingName:
    """A name that a module has in another release."""

    module: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingParent:
    """A relative import in a file that is not started as part of a package."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingCommand:
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingLibrary:
    """A shared library of the operating system."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingVariables:
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingCredentials:
    """The credentials of a service; its clients read them from the variables `names`."""

    service: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingRegion:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingNetwork:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingCertificate:
    """The server's certificate authority is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingInput:
    """Input on stdin."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingDisplay:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingConfig:
    """A config without a value, or with one that Metaflow cannot take."""

    name: str | None
    """The name; None if the text does not have it."""
    problem: str
    file: str | None = None
    """The file that could not be read."""
    key: str | None = None
    """The key that the config's value lacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownConfig:
    name: str | None
    known: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingParameter:
    name: str
    problem: str
    file: str | None = None
    """The file of an IncludeFile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownParameter:
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingRun:
    """A flow, run, step or task of another flow, by its pathspec."""

    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherNamespace:
    name: str


Lack: TypeAlias = (
    MissingFile
    | MissingModule
    | MissingName
    | MissingParent
    | MissingCommand
    | MissingLibrary
    | MissingVariables
    | MissingCredentials
    | MissingRegion
    | MissingNetwork
    | MissingCertificate
    | MissingInput
    | MissingDisplay
    | MissingConfig
    | UnknownConfig
    | MissingParameter
    | UnknownParameter
    | MissingRun
    | OtherNamespace
)


def find_lack(text: str, *, in_step: bool = False) -> Lack | None:
    """Return what is missing according to a failure's text; None if that is not known.

    Metaflow's own sentences go before the exceptions in the text, of which the last goes first.
    `in_step`: the text is from a step, where Metaflow's command line cannot be at fault.
    """
    if not in_step and (lack := _config_lack(text) or _parameter_lack(text)):
        return lack
    if lack := _run_lack(text):
        return lack
    for raised in reversed([*_exceptions(text)]):
        for find in _IN_EXCEPTION:
            if lack := find(raised):
                return lack
    return _setting_lack(text) or _aborted(text)


# --- Metaflow's own sentences ---------------------------------------------------------

# metaflow/user_configs/config_options.py ConfigInput.process_configs
_CONFIG_FILE = re.compile(
    r"configuration file '(?P<file>.+?)' could not be read for '(?P<config>.+?)'"
)
_CONFIG_ABSENT = re.compile(r"missing configuration for '(?P<config>.+?)'")
_CONFIG_INVALID = re.compile(r"configuration value for '(?P<config>.+?)' is not valid JSON")
_CONFIG_EXPRESSION = re.compile(
    r"Config expression '(?P<config>\w+)\b.*' could not be evaluated: name '(?P=config)'"
)
# click, in Metaflow's vendored version
_CONFIG_UNKNOWN = re.compile(
    r"Invalid value for '--config(?:-value)?': invalid choice: (?P<name>.+?)\. "
    r"\(choose from (?P<known>.*)\)"
)
_PARAMETER_ABSENT = re.compile(r"Missing option ['\"]--(?P<name>[^'\"\s]+)")
_PARAMETER_INVALID = re.compile(r"Invalid value for ['\"]--(?P<name>[^'\"\s]+)['\"]: (?P<why>.+)")
_OPTION_UNKNOWN = re.compile(r"[Nn]o such option:? ['\"]?--(?P<name>[^'\"\s]+)")
# metaflow/includefile.py
_INCLUDED_FILE = re.compile(r"IncludeFile: could not open file '(?P<file>.+?)' for reading")
# metaflow/client/core.py MetaflowObject.__init__: `Flow('IngestFlow') does not exist`.
_OBJECT = re.compile(r"\b(?:Flow|Run|Step|Task)\('(?P<path>[^']+)'\) does not exist")
# metaflow/exception.py MetaflowNamespaceMismatch
_NAMESPACE = re.compile(r"Object not in namespace '(?P<name>[^']*)'")
# metaflow/plugins/datatools/s3, metaflow/plugins/secrets
_SETTING = re.compile(
    r"\b[Ss]et (?P<name>METAFLOW_[A-Z0-9_]+)|^ *(?P<root>DATATOOLS_\w+) is not", re.MULTILINE
)


def _config_lack(text: str) -> Lack | None:
    if match := _CONFIG_FILE.search(text):
        return MissingConfig(
            name=match["config"], problem="its file cannot be read", file=match["file"]
        )
    if match := _CONFIG_ABSENT.search(text) or _CONFIG_EXPRESSION.search(text):
        return MissingConfig(name=match["config"], problem="it has no value")
    if match := _CONFIG_INVALID.search(text):
        return MissingConfig(name=match["config"], problem="its value is not valid JSON")
    if match := _CONFIG_UNKNOWN.search(text):
        return UnknownConfig(name=match["name"], known=match["known"])
    return None


def _parameter_lack(text: str) -> Lack | None:
    if match := _PARAMETER_ABSENT.search(text):
        return MissingParameter(name=match["name"], problem="it is required and has no value")
    if match := _PARAMETER_INVALID.search(text):
        file = _INCLUDED_FILE.search(match["why"])
        return MissingParameter(
            name=match["name"], problem=match["why"], file=file["file"] if file else None
        )
    if match := _OPTION_UNKNOWN.search(text):
        if match["name"] in {"config", "config-value"}:
            return UnknownConfig(name=None)
        return UnknownParameter(name=match["name"])
    return None


def _run_lack(text: str) -> Lack | None:
    if match := _OBJECT.search(text):
        return MissingRun(path=match["path"])
    if match := _NAMESPACE.search(text):
        return OtherNamespace(name=match["name"])
    return None


def _setting_lack(text: str) -> Lack | None:
    match = _SETTING.search(text)
    return match and MissingVariables(names=(match["name"] or f"METAFLOW_{match['root']}",))


def _aborted(text: str) -> Lack | None:
    # click, which runs Metaflow's command line, turns an EOFError into this.
    return MissingInput() if re.search(r"^Aborted!$", text, re.MULTILINE) else None


# --- exceptions -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Raised:
    type: str
    """The class's name, without its module."""
    message: str
    frames: str
    """The traceback above it."""


_TRACEBACK = re.compile(r"^(?P<margin> *)Traceback \(most recent call last\):$")
_HEAD = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: ?(?P<message>.*))?$")
_NAMED = re.compile(r"^[\w.]*(?:Error|Exception|NotFound|Exit)$")
# Lines between the exceptions of a chain, and the last line of a step's log by Metaflow.
_NEXT = re.compile(r"^ *(?:During handling of the above|The above exception was|Task failed\.$)")
_MESSAGE_LINES = 40


def _exceptions(text: str) -> Iterator[_Raised]:
    """Yield each exception of the tracebacks in a text, in order.

    A text without a traceback is searched for lines that have the form of an exception.
    """
    lines = text.splitlines()
    has_traceback = False
    for number, line in enumerate(lines):
        if match := _TRACEBACK.match(line):
            margin = len(match["margin"])
            if raised := _after([line[margin:] for line in lines[number + 1 :]]):
                has_traceback = True
                yield raised
    for number, line in enumerate(() if has_traceback else lines):
        match = _HEAD.match(line)
        if match and _NAMED.match(match["type"]) and (raised := _after(lines[number:])):
            yield raised


def _after(lines: list[str]) -> _Raised | None:
    """Return the exception below the frames at the start of the lines."""
    start = next((number for number, line in enumerate(lines) if line and line[0] != " "), None)
    match = _HEAD.match(lines[start]) if start is not None else None
    if start is None or match is None:
        return None
    message = [match["message"] or ""]
    for line in lines[start + 1 : start + _MESSAGE_LINES]:
        if _NEXT.match(line) or _TRACEBACK.match(line):
            break
        message.append(line)
    return _Raised(
        type=match["type"].rpartition(".")[2],
        message="\n".join(message).strip(),
        frames="\n".join(lines[:start]),
    )


# --- variables and credentials

# `os.environ["X"]` ends in a frame of Python's own os module, frozen since 3.11.
_ENVIRON = re.compile(r'File "(?:<frozen os>|[^"\n]*/os\.py)", line \d+, in __(?:get|del)item__')
_VARIABLE = re.compile(
    r"[Ee]nvironment variables?:? ['\"`$]?(?P<a>[A-Z][A-Z0-9_]+)\b"
    r"|(?:the|set|setting|define|export) ['\"`$]?(?P<b>[A-Z][A-Z0-9_]+)['\"`]?"
    r"(?: or ['\"`]?[A-Z][A-Z0-9_]+['\"`]?)? env(?:ironment)?[ -]?var"
    r"|^(?P<c>[A-Z][A-Z0-9_]+) not found\. Declare it as envvar"
    r"|\$?(?P<d>[A-Z][A-Z0-9_]*_[A-Z0-9_]+) (?:is not set|environment variable|not set)\b"
)
_FIELD = re.compile(r"^(?P<name>\w+)\n  Field required \[type=missing, input_value=", re.MULTILINE)
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_SERVICES: tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...] = (
    (re.compile(r"Unable to locate credentials|Partial credentials found"), "AWS", _AWS),
    (re.compile(r"The config profile \(.+\) could not be found"), "AWS", _AWS),
    (re.compile(r"\((?:InvalidAccessKeyId|ExpiredToken\w*|InvalidClientTokenId|Un\w+Client\w*)\)"),
     "AWS", _AWS),
    (re.compile(r"[Dd]efault credentials were not found|DefaultCredentialsError"), "Google Cloud",
     ("GOOGLE_APPLICATION_CREDENTIALS",)),
    (re.compile(r"DefaultAzureCredential failed"), "Azure",
     ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET")),
    (re.compile(r"hf auth login|huggingface-cli login"), "Hugging Face", ("HF_TOKEN",)),
    (re.compile(r"wandb login"), "Weights & Biases", ("WANDB_API_KEY",)),
)  # fmt: skip


def _variable_lack(raised: _Raised) -> Lack | None:
    if raised.type == "KeyError" and _ENVIRON.search(raised.frames):
        return MissingVariables(names=(raised.message.strip("'\""),))
    if raised.type == "ValidationError" and "validation error" in raised.message:
        settings = "pydantic_settings" in raised.frames
        names = tuple(match["name"].upper() for match in _FIELD.finditer(raised.message))
        return MissingVariables(names=names) if settings and names else None
    match = _VARIABLE.search(raised.message)
    name = match and next(filter(None, match.groups()))
    return MissingVariables(names=(name,)) if name and name != "DISPLAY" else None


def _credentials_lack(raised: _Raised) -> Lack | None:
    if raised.type == "NoRegionError":
        return MissingRegion()
    for pattern, service, names in _SERVICES:
        if pattern.search(raised.message):
            return MissingCredentials(service=service, names=names)
    return None


# --- modules

_NO_MODULE = re.compile(r"No module named '?(?P<name>[\w.]+)'?")
_NO_PACKAGE = re.compile(
    r"`Import (?P<a>[\w.-]+)` failed"  # pandas 3
    r"|Missing optional dependency '(?P<b>[\w.-]+)'"  # pandas 2
    r"|No package metadata was found for (?P<c>[\w.-]+)"
    r"|[Tt]he '(?P<d>[\w.-]+)' distribution was not found"  # pkg_resources
    r"|Can't find model '(?P<e>[\w.-]+)'"  # spaCy
    r"|(?:pip|uv pip|conda) install (?:-U |--upgrade )?['\"`]?(?P<f>[A-Za-z][\w.-]*)"
    r"|^(?P<g>[A-Za-z][\w.-]*) not found, please install it"
    r"|(?:requires|needs|install) (?:the )?['\"`]?(?P<h>[A-Za-z][\w.-]*)['\"`]? "
    r"(?:package|to be inst)"
)
_NO_NAME = re.compile(
    r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)' \((?P<where>[^)]*)\)"
    r"|^module '(?P<owner>[\w.]+)' has no attribute '(?P<attribute>\w+)'"
)
_LIBRARY = re.compile(
    r"(?P<name>[\w.+-]+\.so(?:\.\d+)*|[\w.+-]+\.dylib): (?:cannot open shared object|image not)"
)


def _module_lack(raised: _Raised) -> Lack | None:
    if "attempted relative import with no known parent" in raised.message:
        return MissingParent()
    if match := _LIBRARY.search(raised.message):
        return MissingLibrary(name=match["name"])
    if raised.type == "ModuleNotFoundError" and (match := _NO_MODULE.search(raised.message)):
        return MissingModule(name=match["name"])
    if raised.type in {"ImportError", "AttributeError"}:
        match = _NO_NAME.search(raised.message)
        if match and "circular import" not in raised.message:
            name, module = match["name"] or match["attribute"], match["module"] or match["owner"]
            return MissingName(module=module, name=name)
    if raised.type in {"ImportError", "PackageNotFoundError", "DistributionNotFound", "OSError"}:
        match = _NO_PACKAGE.search(raised.message)
        name = next(filter(None, match.groups())) if match else ""
        return MissingModule(name=name) if len(name) > len("an") else None
    return None


# --- commands

_SPAWNED = re.compile(r'subprocess\.py", line \d+, in _execute_child')
_NOT_FOUND_BY_SHELL = re.compile(
    r"Command '\[?'?(?P<name>[^'\s,\]]+).*returned non-zero exit status 127"
)
_EXECUTABLE = re.compile(r"failed to execute .*?'(?P<name>[\w.-]+)'|Bad (?P<other>git) executable")


def _command_lack(raised: _Raised) -> Lack | None:
    if raised.type == "FileNotFoundError" and _SPAWNED.search(raised.frames):
        name = next(_quoted(raised.message), "/")
        folder = re.search(rf"cwd=.*{re.escape(name)}", raised.frames)
        return None if "/" in name or folder else MissingCommand(name=name)
    if match := _NOT_FOUND_BY_SHELL.search(raised.message) or _EXECUTABLE.search(raised.message):
        name = next(filter(None, match.groups()))
        return None if "/" in name else MissingCommand(name=name)
    return None


# --- network

_CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed")
_NETWORK = re.compile(
    r"Name or service not known|Temporary failure in name resolution|nodename nor servname"
    r"|Failed to resolve|getaddrinfo failed|No address associated with hostname"
    r"|Connection refused|Network is unreachable|No route to host"
    r"|Could not connect to the endpoint URL|Cannot connect to host|Cannot connect to proxy"
    r"|Connection timed out|[Cc]onnect(?:ion)? timeout|ConnectTimeout"
)


def _network_lack(raised: _Raised) -> Lack | None:
    if _CERTIFICATE.search(raised.message):
        return MissingCertificate()
    if _NETWORK.search(raised.message) or raised.type == "gaierror":
        return MissingNetwork()
    return None


# --- files

_NO_FILE = re.compile(
    r"No such file|Not a directory|[Nn]ot found|[Nn]ot exist|n't find|[Cc]annot find"
    r"|[Uu]nable to (?:\w+ )?open|(?:[Cc]ould not|[Cc]annot) (?:be )?open"
    r"|[Ff]ailed to (?:open|load|read|find)|Error reading file|No files? (?:were )?found"
    r"|paths were empty"
)
_NO_TABLE = re.compile(r"no such table: |unable to open database file")
_STRING = re.compile(r"\"([^\"\n]+)\"|'([^'\n]+)'")
_URL = re.compile(r"^[a-z][a-z0-9+]*:/{0,3}|\?.*$")


def _file_lack(raised: _Raised) -> Lack | None:
    message = "\n".join(raised.message.splitlines()[:3])
    database = bool(_NO_TABLE.search(message))
    by_type = raised.type in {"FileNotFoundError", "NotADirectoryError", "TemplateNotFound"}
    if not (database or by_type or _NO_FILE.search(message)):
        return None
    paths = [] if database else [*_quoted(message), *_words(message)]
    if not (by_type and paths):
        sources = (line for line in raised.frames.splitlines() if not line.startswith("  File "))
        paths += _quoted("\n".join(sources))
    if not (paths or database):
        return None
    return MissingFile(paths=tuple(dict.fromkeys(paths)), certain=by_type, database=database)


def _quoted(text: str) -> Iterator[str]:
    for match in _STRING.finditer(text):
        path = _URL.sub("", match[1] or match[2])
        if path:
            yield path


def _words(text: str) -> Iterator[str]:
    """Yield the words of a message that may be a path, then the message as a path with spaces."""
    for word in text.split():
        path = word.lstrip("'\"([{").rstrip("'\",;:.)]}")
        if re.search(r"[/.]\w", path) and not re.search(r":\d+$|\(\+0x", path):
            yield _URL.sub("", path)
    whole, _, end = text.partition(": ")
    for part in (whole, end):
        if part and "\n" not in part and "'" not in part:
            yield part.removesuffix(" not found.")


# --- stdin, display and configs

_TERMINAL = re.compile(r"EOF when reading a line")


def _input_lack(raised: _Raised) -> Lack | None:
    if raised.type == "EOFError" and (not raised.message or _TERMINAL.search(raised.message)):
        return MissingInput()
    if "$DISPLAY" in raised.message or "cannot open display" in raised.message:
        return MissingDisplay()
    return None


_CONFIG_FRAME = "/user_configs/config_parameters.py"
_PARSER_FRAME = re.compile(r"/user_configs/config_options\.py\", line \d+, in _call_parser")


def _config_value_lack(raised: _Raised) -> Lack | None:
    """Find a config in exceptions of Metaflow's config classes, or of a parser they call."""
    if _PARSER_FRAME.search(raised.frames):
        return MissingConfig(name=None, problem="its parser failed")
    if _CONFIG_FRAME not in raised.frames:
        return None
    if "'NoneType' object has no attribute" in raised.message:
        return MissingConfig(name=None, problem="it has no value")
    if "object has no attribute 'items'" in raised.message:
        return MissingConfig(name=None, problem="its value is not a table")
    if raised.type in {"AttributeError", "KeyError"} and re.fullmatch(r"'?\w+'?", raised.message):
        key = raised.message.strip("'")
        return MissingConfig(name=None, problem=f"its value has no `{key}`", key=key)
    return None


_IN_EXCEPTION: tuple[Callable[[_Raised], Lack | None], ...] = (
    _command_lack,
    _variable_lack,
    _config_value_lack,
    _credentials_lack,
    _module_lack,
    _network_lack,
    _input_lack,
    _file_lack,
)
