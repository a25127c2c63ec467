"""Text without the ids, the folders and the user name of one run.

Only exact occurrences of ids and paths that this run is known to have are replaced. The
placeholders are in docs/reference/values.md. Runs in the flow's own interpreter: standard library
only, Python 3.8 syntax.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

_PLACES = {
    "FLOWREPRO_COPY": "<project>",
    "VIRTUAL_ENV": "<environment>",
    "METAFLOW_DATASTORE_SYSROOT_LOCAL": "<datastore>",
    "HOME": "<home>",
    "TMPDIR": "<tmpdir>",
}
"""Variables that name a folder of one rerun -> its placeholder."""

_RUN_ID = re.compile(r"\d{10,}")
"""Metaflow's local run ids are microseconds since 1970; a short number may be anything."""

_PERSON = 500
"""The lowest user id of a person: a system name such as `root` or `www-data` may be data."""

_SHORTEST = 3  # characters of a name that identifies a person
_ANYBODY = re.compile(
    r"(admin|build|dev|share|test|user|work)\w*|app|centos|circleci|debian|default|docker|ec2-user"
    r"|fedora|flowrepro|guest|home|jenkins|jovyan|nobody|root|runner|service|ubuntu|vagrant|vscode",
    re.IGNORECASE,
)
"""Common names of accounts, which may be data on another machine."""


class Account(NamedTuple):
    """The user that runs this process, and the host."""

    name: str
    host: str
    is_person: bool
    """True if the name alone identifies a person: neither a service's nor a common word."""

    @classmethod
    def of(cls, uid: int, name: str, host: str) -> Account:
        telling = len(name) >= _SHORTEST and not _ANYBODY.fullmatch(name)
        return cls(name, host, uid >= _PERSON and telling)

    def patterns(self) -> Iterator[Tuple[List[str], re.Pattern[str], object]]:
        """Yield patterns as `Normal` does; a name alone is not replaced, as it may be any value."""
        name, host = re.escape(self.name), re.escape(self.host)
        if self.host not in ("", "localhost"):
            both = r"(?<![\w.+-])%s@%s(?![\w-]|\.\w)" % (name, host)
            yield [self.name + "@" + self.host], re.compile(both), "<user>@<host>"
        if self.is_person:
            part = r"(?<=/)%s(?![\w.-])" % name
            yield ["/" + self.name], re.compile(part), "<user>"
            tag = r"(?<![\w.-])user:%s(?![\w@-]|\.\w)" % name
            yield ["user:" + self.name], re.compile(tag), "user:<user>"


class Normal:
    """A function that replaces ids and folders; for a text without any it costs almost nothing."""

    def __init__(
        self, runs: Iterable[str], folders: Dict[str, str], account: Optional[Account] = None
    ) -> None:
        """Take `folders` as path -> placeholder."""
        self._runs = [run for run in runs if _RUN_ID.fullmatch(run)]
        self._folders = {
            spelled: shown
            for folder, shown in folders.items()
            for spelled in (folder.rstrip("/"), os.path.realpath(folder))
            if spelled.count("/") > 1  # a top-level folder is not specific to a run
        }
        self._account = account
        self._replaced: List[Tuple[List[str], re.Pattern[str], object]] = list(self._patterns())
        self._needles = [
            needle for needles, _, _ in self._replaced for needle in needles if "/" not in needle
        ]

    def __call__(self, text: str) -> str:
        if "/" not in text and not any(needle in text for needle in self._needles):
            return text
        for needles, pattern, shown in self._replaced:
            for needle in needles:  # much faster than an expression, which few texts need
                if needle in text:
                    text = pattern.sub(shown, text)  # type: ignore[call-overload]
                    break
        return text

    def _patterns(self) -> Iterator[Tuple[List[str], re.Pattern[str], object]]:
        """Yield texts, a pattern of which each match contains one of them, and the replacement."""
        if self._runs:
            ids = "|".join(map(re.escape, self._runs))
            of_task = r"(/[A-Za-z_]\w*)(?:(/)\d+(?!\w))?"
            alone = r"(?<![0-9A-Za-z])(?:%s)(?![0-9A-Za-z])(?:%s)?"
            yield self._runs, re.compile(alone % (ids, of_task)), _run
        # Before the folders: TMPDIR is one of them.
        temporary = [tempfile.gettempdir(), os.environ.get("TMPDIR") or tempfile.gettempdir()]
        temporary = sorted({*temporary, *map(os.path.realpath, temporary)})
        made = [os.path.join(folder, "tmp") for folder in temporary]
        yield made, _whole(r"(?:%s)[a-z0-9_]{8}" % "|".join(map(re.escape, made))), "<tmp>"
        if self._folders:
            longest_first = sorted(self._folders, key=len, reverse=True)
            paths = "|".join(map(re.escape, longest_first))
            yield longest_first, _whole(paths), lambda match: self._folders[match.group()]
        if self._account:
            yield from self._account.patterns()


def _whole(paths: str) -> re.Pattern[str]:
    """Return a pattern of these paths, neither continued nor the end of another one."""
    return re.compile(r"(?<![\w.-])(?:%s)(?![\w-]|\.\w)" % paths)


def _run(match: re.Match[str]) -> str:
    step, task = match.group(1) or "", "/<task>" if match.group(2) else ""
    return "<run>" + step + task


class _Current:
    normal = Normal([], {})


def normal(text: str) -> str:
    """Return `text` with the ids, folders and names of this run replaced by placeholders."""
    return _Current.normal(text)


def normalise_for(datastore: str) -> None:
    """Prepare `normal` for the runs in a datastore, and the folders of this process."""
    folders = {os.environ[name]: shown for name, shown in _PLACES.items() if os.environ.get(name)}
    folders.setdefault(sys.prefix, "<environment>")
    account = None
    try:
        import pwd  # noqa: PLC0415  not on every platform

        entry = pwd.getpwuid(os.getuid())
        account = Account.of(entry.pw_uid, entry.pw_name, platform.node())
        if entry.pw_uid >= _PERSON:
            folders.setdefault(entry.pw_dir, "<home>")
    except (ImportError, KeyError):  # a container's user need not have a name
        pass
    _Current.normal = Normal(_runs(datastore), folders, account)


def _runs(datastore: str) -> Iterator[str]:
    """Yield the runs of all flows in it, upstream flows included."""
    for local in _folders(datastore):  # `.metaflow`
        for flow in _folders(local):
            for run in _folders(flow):
                yield os.path.basename(run)


def _folders(path: str) -> List[str]:
    return (
        [entry.path for entry in os.scandir(path) if entry.is_dir()] if os.path.isdir(path) else []
    )
