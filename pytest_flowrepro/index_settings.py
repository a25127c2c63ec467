"""The user's package index settings, as uv and pip get them.

pip reads its own configuration. uv does not read pip's, so that on a machine whose `pip.conf`
names a company index uv would ask PyPI. Where uv has no index settings of its own, it is given
pip's. Settings that say *where* packages come from reach both tools; settings that would change
*what* is installed (`UV_CONSTRAINT`, `PIP_TARGET`, ...) do not.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from pytest_flowrepro.errors import FlowReproError
from pytest_flowrepro.process import user_environment
from pytest_flowrepro.unused import forget_unused, note_use, user_cache

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
_UV_INDEX_KEYS = {"extra-index-url", "find-links", "index", "index-url", "no-index"}

_REACH_UV = (
    *_UV_INDEX_VARIABLES,
    "UV_INDEX_",  # UV_INDEX_STRATEGY, and credentials: UV_INDEX_<NAME>_PASSWORD
    "UV_CONCURRENT_",
    "UV_CONFIG_FILE",
    "UV_CREDENTIALS_DIR",
    "UV_HTTP_",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_NO_CONFIG",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
)
_REACH_PIP = (
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_CACHE_DIR",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
    "PIP_USE_DEPRECATED",
    "PIP_USE_FEATURE",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """How to call a package manager so that it sees the user's index settings."""

    argv: tuple[str, ...]
    """The program; a subcommand follows."""
    options: tuple[str, ...]
    """To be given after the subcommand."""
    env: Mapping[str, str]
    """Credentials are passed here, never in `argv`: any user of a machine can read that."""


def default_index() -> str:
    """The index that both tools use where the user's settings name none, as pip knows it."""
    from pip._internal.models.index import PyPI  # noqa: PLC0415  pip tells it nowhere else

    return str(PyPI.simple_url)


def uv_cache() -> Path | None:
    """Return the cache that uv has for resolving, ours alone; None where it cannot be written.

    Nothing is installed from it. It begins anew each month, and is deleted a month later.
    """
    caches = user_cache("uv")
    cache = caches and user_cache(f"uv/{datetime.now(UTC):%Y-%m}")
    if caches and cache:
        note_use(cache)
        forget_unused(caches)
    return cache


def uv_tool() -> Tool:
    """The uv that is installed beside us, with the settings that uv has where the user started
    pytest, and a cache of ours. Raises `FlowReproError` when there is no uv.
    """
    import uv  # noqa: PLC0415  heavy imports wait until an environment is needed

    try:
        program = os.fsdecode(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise FlowReproError(
            "uv, with which pytest-flowrepro locks and installs, is not on this machine.",
            hint="install it beside pytest (`python -m pip install uv`), or use "
            "`--flow-repro-installer=pip-tools`.",
        ) from error
    project = Path.cwd()
    given = _user_environment(prefix="UV_", reach=_REACH_UV)
    if links := given.get("UV_FIND_LINKS"):
        given["UV_FIND_LINKS"] = ",".join(_absolute(link) for link in links.split(","))
    settings = pip_settings(os.environ)
    added = _transport_for_uv(settings)
    options: tuple[str, ...] = ()
    if not _uv_has_index_settings(project):
        added |= _indexes_for_uv(settings)
        if settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
            options = ("--no-index",)  # uv has no variable for this one
    cache = uv_cache()
    fixed = {
        "NO_COLOR": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        # Without a cache uv has one for as long as it runs.
        **({"UV_CACHE_DIR": str(cache)} if cache else {"UV_NO_CACHE": "1"}),
    }
    return Tool(
        argv=(program, "--project", os.fspath(project)),
        options=options,
        env={**added, **given, **fixed},
    )


def pip_tool(module: str) -> Tool:
    """`pip` or `piptools` of the interpreter that runs pytest: pip-tools brings pip along."""
    env = _user_environment(prefix="PIP_", reach=_REACH_PIP)
    if links := pip_settings(os.environ).get("find-links"):
        env["PIP_FIND_LINKS"] = " ".join(_absolute(link) for link in links.split())
    fixed = {"NO_COLOR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    return Tool(argv=(sys.executable, "-m", module), options=(), env={**env, **fixed})


def without_index(tool: Tool) -> Tool:
    """The same uv or pip, which asks nobody: it knows only the files that it is given."""
    kept = {k: v for k, v in tool.env.items() if not k.startswith(_NAME_AN_INDEX)}
    nowhere = {"UV_NO_CONFIG": "1", "UV_OFFLINE": "1", "PIP_CONFIG_FILE": os.devnull}
    return Tool(argv=tool.argv, options=("--no-index",), env={**kept, **nowhere})


def download_tool(installer: Literal["uv", "pip-tools"]) -> Tool:
    """A pip that looks for files where the installer does: uv has no command for a download.

    Which of several indexes a file comes from is no matter where its hash is required.
    """
    tool = pip_tool("pip")
    if installer != "uv":
        return tool
    env = dict(tool.env)
    if os.environ.get("UV_OFFLINE", "").lower() in {"1", "true"}:
        env["PIP_NO_INDEX"] = "1"
    project = Path.cwd()
    if _uv_has_index_settings(project):
        env |= _indexes_for_pip(_uv_files(project), os.environ)
    return Tool(argv=tool.argv, options=tool.options, env=env)


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The options of pip by their long names: `{"index-url": "https://..."}`.

    Read from the files and variables that pip's documentation gives under "Configuration", in
    its order of precedence: files (machine, user, virtualenv, PIP_CONFIG_FILE), and in them
    `[global]` before `[install]`, then `PIP_*` variables. Empty values count as not given.
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for file in _pip_files(environ):
        for section, found in _read_ini(file).items():
            sections.setdefault(section, {}).update(found)
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
    """The configuration files of pip, the strongest last (`pip._internal.configuration`)."""
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
    """Section -> option -> value; nothing for a file that is not there or not readable: that
    is pip's to complain about.
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
    """As pip sees them: it takes the best version of all indexes, where uv by default stops
    at the first index that knows a package. Who gave pip several indexes gets pip's rule.

    Of two indexes that have one version uv takes the hashes of the first only, and it looks at
    its default index last. So pip's main index goes first: it has the wheels of every platform,
    where an extra one may have those of one.
    """
    added = {}
    main, extra = settings.get("index-url"), settings.get("extra-index-url", "").split()
    if extra:
        *first, last = (main or default_index(), *extra)
        added["UV_INDEX"] = " ".join(first)
        added["UV_DEFAULT_INDEX"] = last
        added["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    elif main:
        added["UV_DEFAULT_INDEX"] = main
    if links := settings.get("find-links"):
        added["UV_FIND_LINKS"] = ",".join(_absolute(link) for link in links.split())
    return added


def _indexes_for_pip(uv_files: Iterable[Path], environ: Mapping[str, str]) -> dict[str, str]:
    """What uv's settings name, as pip's variables; everything, where uv would stop at the first."""
    default = [environ.get("UV_DEFAULT_INDEX", ""), environ.get("UV_INDEX_URL", "")]
    extra = [*environ.get("UV_INDEX", "").split(), *environ.get("UV_EXTRA_INDEX_URL", "").split()]
    links = environ.get("UV_FIND_LINKS", "").split(",")
    no_index = False
    for file in uv_files:
        table: dict[str, Any] = _uv_table(file)
        for part in (table, table.get("pip", {})):
            for index in part.get("index", ()):
                url = f"{index.get('name', '')}={index.get('url', '')}".removeprefix("=")
                flat = index.get("format") == "flat"
                (links if flat else default if index.get("default") else extra).append(url)
            default.append(part.get("index-url", ""))
            extra += part.get("extra-index-url", ())
            links += (_absolute(link, file.parent) for link in part.get("find-links", ()))
            no_index = no_index or part.get("no-index") is True
    named = [_with_credentials(url, environ) for url in filter(None, [*default, *extra])]
    first = named[0] if any(default) else default_index()
    found = {
        "PIP_INDEX_URL": first,
        "PIP_EXTRA_INDEX_URL": " ".join(url for url in named if url != first),
        "PIP_FIND_LINKS": " ".join(_with_credentials(link, environ) for link in links if link),
        "PIP_TRUSTED_HOST": environ.get("UV_INSECURE_HOST", ""),
        "PIP_NO_INDEX": "1" if no_index else "",
    }
    return {name: value for name, value in found.items() if value}


def _with_credentials(index: str, environ: Mapping[str, str]) -> str:
    """The URL of `name=url`, with the user and the password that uv's variables have for it."""
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
        added["SSL_CERT_DIR" if folder else "SSL_CERT_FILE"] = _absolute(cert)
    if cert := settings.get("client-cert"):
        added["SSL_CLIENT_CERT"] = _absolute(cert)
    if proxy := settings.get("proxy"):
        added["ALL_PROXY"] = proxy
    if hosts := settings.get("trusted-host"):
        added["UV_INSECURE_HOST"] = " ".join(hosts.split())
    if settings.get("keyring-provider") == "subprocess":
        added["UV_KEYRING_PROVIDER"] = "subprocess"
    if seconds := settings.get("timeout", settings.get("default-timeout")):
        added["UV_HTTP_TIMEOUT"] = seconds
    return added


def _absolute(location: str, folder: Path | None = None) -> str:
    """A path as pip means it, from where the user started pytest; a URL as it is."""
    if "://" in location:
        return location
    return os.path.abspath(os.path.join(folder or "", os.path.expanduser(location)))  # noqa: PTH100, PTH111, PTH118  resolve() would follow links


def _uv_has_index_settings(project: Path) -> bool:
    """Whether a variable or a file names an index for uv itself."""
    if any(os.environ.get(name) for name in _UV_INDEX_VARIABLES):
        return True
    for file in _uv_files(project):
        table = _uv_table(file)
        pip = table.get("pip")
        keys = {*table, *(pip if isinstance(pip, dict) else ())}
        if keys & _UV_INDEX_KEYS:
            return True
    return False


def _uv_files(project: Path) -> Iterator[Path]:
    """Where uv looks, as its documentation gives it under "Configuration files"."""
    if named := os.environ.get("UV_CONFIG_FILE"):
        yield Path(named)
        return
    if os.environ.get("UV_NO_CONFIG", "").lower() in {"1", "true"}:
        return
    for folder in (project, *project.parents):
        candidates = (folder / "uv.toml", folder / "pyproject.toml")
        nearest = next((file for file in candidates if _uv_table(file)), None)
        if nearest:
            yield nearest
            break
    home = Path(os.environ.get("HOME") or Path.home())
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "uv", "uv.toml")
    shared = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    yield from (Path(folder, "uv", "uv.toml") for folder in shared if folder)
    yield Path("/etc/uv/uv.toml")


def _uv_table(file: Path) -> dict[str, object]:
    """The part of a file that is for uv; empty when there is none, or none that uv can read."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    if file.name == "pyproject.toml":
        tool = table.get("tool")
        found = tool.get("uv") if isinstance(tool, dict) else None
        return found if isinstance(found, dict) else {}
    return table
