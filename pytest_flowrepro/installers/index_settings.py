"""The user's package index settings, in the form in which uv and pip get them.

Settings that say *where* packages come from, and how to get there, are passed to both tools;
settings that would change *what* is resolved or installed (`UV_CONSTRAINT`, `[tool.uv.pip] target`,
pip.conf's `no-deps`, ...) are not, from any file or variable. So neither tool reads a settings file
itself: uv gets a file of ours, and pip gets variables.

uv does not read pip's settings: on a machine whose `pip.conf` names a company index, uv would use
PyPI. If uv has no index settings of its own, it gets pip's.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from pytest_flowrepro.installers.uv_settings import (
    NAME_AN_INDEX,
    absolute,
    index_settings,
    is_on,
    to_toml,
    uv_files,
)
from pytest_flowrepro.support.cache import mark_used, user_cache
from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.process import OUTPUT_LIMIT, run_process, user_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_flowrepro.model import Index
    from pytest_flowrepro.support.process import Completed

DEFAULT_INDEX = "https://pypi.org/simple"
"""The index of both tools without any setting; neither has a public name for it."""

_UV_INDEX_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_URL",
)
_NAME_AN_INDEX = (
    *_UV_INDEX_VARIABLES,
    "UV_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
)
_REACH_UV = (
    *_UV_INDEX_VARIABLES,
    "UV_INDEX_",  # UV_INDEX_STRATEGY, and credentials: UV_INDEX_<NAME>_PASSWORD
    "UV_AZURE_ENDPOINT_URL",
    "UV_CONCURRENT_",
    "UV_CREDENTIALS_DIR",
    "UV_GCS_ENDPOINT_URL",
    "UV_HTTP_",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "UV_S3_ENDPOINT_URL",
    "UV_SYSTEM_CERTS",
)
_UV_LOCATIONS = (
    ("UV_DEFAULT_INDEX", "\0"),
    ("UV_EXTRA_INDEX_URL", " "),
    ("UV_FIND_LINKS", ","),
    ("UV_INDEX", " "),
    ("UV_INDEX_URL", "\0"),
)
"""Variables that have addresses, with their separator; a single address may have spaces."""

_REACH_PIP = frozenset(
    {
        "cache-dir",
        "cert",
        "client-cert",
        "default-timeout",
        "extra-index-url",
        "find-links",
        "index-url",
        "keyring-provider",
        "no-cache-dir",
        "no-index",
        "no-proxy-env",
        "proxy",
        "pypi-url",
        "resume-retries",
        "retries",
        "timeout",
        "trusted-host",
    }
)
_PIP_PATHS = frozenset({"cache-dir", "cert", "client-cert"})
_PIP_LISTS = frozenset({"extra-index-url", "find-links", "trusted-host"})
_PIP_FEATURES = {"use-feature": {"truststore"}, "use-deprecated": {"legacy-certs"}}
"""Features about certificates; others change the resolution."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """The call of a package manager with the user's index settings."""

    argv: tuple[str, ...]
    """The program; a subcommand follows."""
    options: tuple[str, ...]
    """The options to pass after the subcommand."""
    env: Mapping[str, str]
    """The environment; credentials are in it, never in `argv`, which all users can read."""
    config: str = ""
    """uv's settings as a uv.toml, which may have credentials as well."""

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        timeout: float,
        limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        """Run the program with these arguments; see `process.run_process`."""
        argv = [*self.argv, *arguments]
        if not self.config:
            return run_process(argv, env=self.env, cwd=cwd, timeout=timeout, limit=limit)
        with tempfile.TemporaryDirectory(prefix="flowrepro-") as folder:  # readable by us alone
            file = Path(folder, "uv.toml")
            file.write_text(self.config, encoding="utf-8")
            env = {name: value for name, value in self.env.items() if name != "UV_NO_CONFIG"}
            env["UV_CONFIG_FILE"] = os.fspath(file)
            return run_process(argv, env=env, cwd=cwd, timeout=timeout, limit=limit)


def uv_cache() -> Path | None:
    """Return the cache of uv for resolving, which only we use; None if it cannot be written.

    Nothing is installed from it. A new one is begun each month, so that an old one can be deleted.
    """
    caches = user_cache("uv")
    if caches is None:
        return None
    cache = caches / f"{datetime.now(UTC):%Y-%m}"
    try:
        cache.mkdir(exist_ok=True)
    except OSError:
        return None
    mark_used(cache)
    return cache if os.access(cache, os.W_OK) else None


def uv_tool(*, indexes: tuple[Index, ...] = (), settings: tuple[tuple[str, str], ...] = ()) -> Tool:
    """Return the installed uv, with its index settings in pytest's folder, and a cache of ours.

    `indexes` are those of a declaration; they come before the user's. `settings` are keys and their
    values in TOML, which are added. Raises `FlowReproError` if uv is not installed.
    """
    import uv  # noqa: PLC0415  heavy imports wait until an environment is needed

    try:
        program = os.fsdecode(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise FlowReproError(
            "uv was not found; it is required for locking and installing",
            hint="install it in pytest's environment (`python -m pip install uv`), or pass "
            "`--flow-repro-installer=pip-tools`",
        ) from error
    variables = _uv_variables()
    of_files = _settings_of_uv()
    of_pip = pip_settings(os.environ)
    added = _transport_for_uv(of_pip)
    options: tuple[str, ...] = ()
    if not _names_an_index(of_files):
        added |= _indexes_for_uv(of_pip)
        if is_on(of_pip.get("no-index")):
            options = ("--no-index",)  # uv has no variable for this one
    cache = uv_cache()
    fixed = {
        "NO_COLOR": "1",
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        # Without a cache uv uses a temporary one.
        **({"UV_CACHE_DIR": str(cache)} if cache else {"UV_NO_CACHE": "1"}),
    }
    config = to_toml(_with_indexes(of_files, indexes))
    config += "".join(f"{key} = {value}\n" for key, value in settings)
    env = {**added, **variables, **fixed}
    return Tool(argv=(program,), options=options, env=env, config=config)


def _uv_variables() -> dict[str, str]:
    """Return the environment of uv; of its own variables the allowed ones, with absolute paths."""
    variables = _user_environment(prefix="UV_", reach=_REACH_UV)
    for name, separator in _UV_LOCATIONS:
        if value := variables.get(name):
            variables[name] = separator.join(map(_absolute_index, value.split(separator)))
    return variables


def _absolute_index(location: str) -> str:
    """Make the path in `address` or `name=address` absolute, from pytest's folder."""
    match = re.fullmatch(r"(?P<name>[\w.-]+=)?(?P<address>.*)", location)
    if match is None or not match["address"]:
        return location
    return f"{match['name'] or ''}{absolute(match['address'])}"


def _settings_of_uv() -> dict[str, Any]:
    """Return the index settings of uv's files, as they apply to the folder of pytest's start."""
    return index_settings(uv_files(Path.cwd(), os.environ))


def _with_indexes(settings: Mapping[str, Any], indexes: tuple[Index, ...]) -> dict[str, Any]:
    """Return the settings with the indexes of a declaration in front, without duplicates."""
    declared = [
        {"name": index.name, "url": index.url, **dict(index.settings)}
        if index.name
        else {"url": index.url}
        for index in indexes
    ]
    tables: list[dict[str, Any]] = []
    for table in (*declared, *settings.get("index", ())):
        keys = {table.get("name"), table.get("url")} - {None}
        if not any(keys & {existing.get("name"), existing.get("url")} for existing in tables):
            tables.append(table)
    return {**settings, "index": tables} if tables else dict(settings)


def pip_tool(module: str, *, indexes: tuple[Index, ...] = ()) -> Tool:
    """Return `pip` or `piptools` of the interpreter that runs pytest: pip-tools requires pip.

    `indexes` are those of a declaration, in addition to the user's.
    """
    env = _user_environment(prefix="PIP_", reach=())
    settings = pip_settings(os.environ)
    for name, value in settings.items():
        if allowed := _for_pip(name, value):
            env[f"PIP_{name.upper().replace('-', '_')}"] = allowed
    for index in indexes:
        flat = dict(index.settings).get("format") == "flat"
        name = "PIP_FIND_LINKS" if flat else "PIP_EXTRA_INDEX_URL"
        url = _with_credentials(
            f"{index.name}={index.url}" if index.name else index.url, os.environ
        )
        env[name] = f"{env.get(name, '')} {url}".strip()
    fixed = {
        "NO_COLOR": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }
    return Tool(argv=(sys.executable, "-m", module), options=(), env={**env, **fixed})


def _for_pip(name: str, value: str) -> str:
    """Return the value of one of pip's settings as passed to pip; empty if it is not allowed."""
    if features := _PIP_FEATURES.get(name):
        return " ".join(feature for feature in value.split() if feature in features)
    if name not in _REACH_PIP:
        return ""
    if name == "find-links":
        return " ".join(map(absolute, value.split()))
    if name in _PIP_LISTS:
        return " ".join(value.split())
    return absolute(value) if name in _PIP_PATHS else value.strip()


def without_index(tool: Tool) -> Tool:
    """Return the same uv or pip without any index: it uses only the files that it is given."""
    variables = {k: v for k, v in tool.env.items() if not k.startswith(_NAME_AN_INDEX)}
    nowhere = {"UV_NO_CONFIG": "1", "UV_OFFLINE": "1", "PIP_CONFIG_FILE": os.devnull}
    return Tool(argv=tool.argv, options=("--no-index",), env={**variables, **nowhere})


def download_tool(
    installer: Literal["uv", "pip-tools"], *, indexes: tuple[Index, ...] = ()
) -> Tool:
    """Return a pip with the indexes of the installer: uv has no command for a download.

    It does not matter which index a file comes from, because its hash is required.
    """
    tool = pip_tool("pip", indexes=indexes)
    if installer != "uv":
        return tool
    env = dict(tool.env)
    if is_on(os.environ.get("UV_OFFLINE")):
        env["PIP_NO_INDEX"] = "1"
    settings = _settings_of_uv()
    if _names_an_index(settings):
        env |= _indexes_for_pip(_with_indexes(settings, indexes), os.environ)
    return replace(tool, env=env)


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the options of pip by their long names: `{"index-url": "https://..."}`.

    They are read from the files and variables in pip's documentation under "Configuration", in its
    order of precedence: files (machine, user, virtualenv, PIP_CONFIG_FILE), and in them `[global]`
    before `[install]`, then `PIP_*` variables. Empty values count as not given.
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for file in _pip_files(environ):
        for section, options in _read_ini(file).items():
            sections.setdefault(section, {}).update(options)
    variables = {
        _option_name(name.removeprefix("PIP_")): value
        for name, value in environ.items()
        if name.startswith("PIP_")
    }
    layers = (sections["global"], sections["install"], variables)
    return {name: value for layer in layers for name, value in layer.items() if value.strip()}


def _user_environment(*, prefix: str, reach: tuple[str, ...]) -> dict[str, str]:
    return {
        name: value
        for name, value in user_environment({}).items()
        if not name.startswith(prefix) or name.startswith(reach)
    }


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's configuration files by ascending precedence (`pip._internal.configuration`)."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if sys.platform == "darwin":
        library = Path("Library/Application Support/pip")
        yield "/" / library / "pip.conf"
        user = home / library if (home / library).is_dir() else config / "pip"
    else:
        shared = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
        yield from (Path(folder, "pip", "pip.conf") for folder in reversed(shared) if folder)
        yield Path("/etc/pip.conf")
        user = config / "pip"
    if not (named and Path(named).exists()):
        yield home / ".pip" / "pip.conf"
        yield user / "pip.conf"
    yield Path(sys.prefix, "pip.conf")
    if named:
        yield Path(named)


def _read_ini(file: Path) -> dict[str, dict[str, str]]:
    """Return values by section and option; empty for a missing or unreadable file.

    pip itself reports such a file.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}
    return {
        section: {_option_name(name): value for name, value in parser.items(section)}
        for section in parser.sections()
    }


def _option_name(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _indexes_for_uv(settings: Mapping[str, str]) -> dict[str, str]:
    """Return variables that give uv the indexes of pip, with pip's rule for several indexes.

    pip takes the best version of all indexes; uv by default stops at the first index that has a
    package. Of two indexes that have one version uv takes the hashes of the first only, and it
    searches its default index last. So pip's main index goes first: it has the wheels of every
    platform, while an extra one may have those of only one.
    """
    added = {}
    main, extra = settings.get("index-url"), settings.get("extra-index-url", "").split()
    if extra:
        *first, last = (main or DEFAULT_INDEX, *extra)
        added["UV_INDEX"] = " ".join(first)
        added["UV_DEFAULT_INDEX"] = last
        added["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    elif main:
        added["UV_DEFAULT_INDEX"] = main
    if links := settings.get("find-links"):
        added["UV_FIND_LINKS"] = ",".join(absolute(link) for link in links.split())
    return added


def _indexes_for_pip(settings: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Return pip's variables for the indexes of uv's settings: all, while uv uses the first."""
    default = [environ.get("UV_DEFAULT_INDEX", ""), environ.get("UV_INDEX_URL", "")]
    extra = [*environ.get("UV_INDEX", "").split(), *environ.get("UV_EXTRA_INDEX_URL", "").split()]
    links = list(map(absolute, filter(None, environ.get("UV_FIND_LINKS", "").split(","))))
    no_index = False
    for part in (settings, settings.get("pip", {})):
        for index in part.get("index", ()):
            url = f"{index.get('name', '')}={index.get('url', '')}".removeprefix("=")
            flat = index.get("format") == "flat"
            (links if flat else default if index.get("default") else extra).append(url)
        default.append(part.get("index-url", ""))
        extra += part.get("extra-index-url", ())
        links += part.get("find-links", ())
        no_index = no_index or part.get("no-index") is True
    named = [_with_credentials(url, environ) for url in filter(None, [*default, *extra])]
    first = named[0] if any(default) else DEFAULT_INDEX
    hosts = [environ.get("UV_INSECURE_HOST", ""), *settings.get("allow-insecure-host", ())]
    keyring = environ.get("UV_KEYRING_PROVIDER") or settings.get("keyring-provider", "")
    variables = {
        "PIP_INDEX_URL": first,
        "PIP_EXTRA_INDEX_URL": " ".join(url for url in named if url != first),
        "PIP_FIND_LINKS": " ".join(_with_credentials(link, environ) for link in links if link),
        "PIP_TRUSTED_HOST": " ".join(filter(None, hosts)),
        "PIP_KEYRING_PROVIDER": "subprocess" if keyring == "subprocess" else "",
        "PIP_PROXY": settings.get("https-proxy", settings.get("http-proxy", "")),
        "PIP_NO_INDEX": "1" if no_index else "",
    }
    return {name: value for name, value in variables.items() if value}


def _with_credentials(index: str, environ: Mapping[str, str]) -> str:
    """Return the URL of `name=url`, with the user and the password of uv's variables for it."""
    match = re.fullmatch(r"(?P<name>[\w.-]+)=(?P<url>.*)", index)
    if match is None:
        return index
    url, variable = match["url"], "UV_INDEX_" + re.sub(r"\W", "_", match["name"]).upper()
    user = environ.get(f"{variable}_USERNAME", "")
    password = environ.get(f"{variable}_PASSWORD", "")
    host = urlsplit(url).netloc
    if "@" in host or not (user or password):
        return url
    return url.replace(host, f"{quote(user, safe='')}:{quote(password, safe='')}@{host}", 1)


def _transport_for_uv(settings: Mapping[str, str]) -> dict[str, str]:
    added = {}
    if cert := settings.get("cert"):
        folder = Path(cert).expanduser().is_dir()
        added["SSL_CERT_DIR" if folder else "SSL_CERT_FILE"] = absolute(cert)
    if cert := settings.get("client-cert"):
        added["SSL_CLIENT_CERT"] = absolute(cert)
    if proxy := settings.get("proxy"):
        added["ALL_PROXY"] = proxy
    if hosts := settings.get("trusted-host"):
        added["UV_INSECURE_HOST"] = " ".join(hosts.split())
    if settings.get("keyring-provider") == "subprocess":
        added["UV_KEYRING_PROVIDER"] = "subprocess"
    if seconds := settings.get("timeout", settings.get("default-timeout")):
        added["UV_HTTP_TIMEOUT"] = seconds
    return added


def _names_an_index(settings: Mapping[str, Any]) -> bool:
    """Return whether a variable or a file of uv names an index, other than an `explicit` one."""
    if any(os.environ.get(name) for name in _UV_INDEX_VARIABLES):
        return True
    tables = settings.get("index", ())
    named = {*settings, *settings.get("pip", ())} & NAME_AN_INDEX - {"index"}
    return bool(named) or any(table.get("explicit") is not True for table in tables)
