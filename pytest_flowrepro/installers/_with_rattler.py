"""A script that is run by path in its own process: `python _with_rattler.py REQUEST`, a JSON file.

A process, because rattler can hang on a channel that hangs and can panic, and a process can be
ended. The answer is one JSON object on stdout.

    {"command": "solve", "specs": [...], "channels": [URL, ...], "as_of": null or "2024-05-31",
     "platform": null or "osx-arm64"}
    -> {"platform": "linux-64", "archives": [["https://.../six-1.16.0-0.conda", "<sha256>"], ...]}

    {"command": "install", "platform": "linux-64", "prefix": FOLDER, "archives":
     [{"url": URL, "sha256": "...", "file": FILE}, ...], "unpacked": FOLDER}
    -> {}

FILE is the path of the archive, which is fetched to it if necessary; `unpacked` is a folder that
no other process uses. An error is `{"error": KIND, "message": TEXT, "archive": null or the name of
the file that it is about}`; the kind is the class of rattler's exception, or `Fetch`, `Hash`,
`Platform` or `NoHash`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from rattler import ChannelPriority, MatchSpec, Subdir, VirtualPackage, install, solve
from rattler.networking import Client
from rattler.package_streaming import download_to_path
from rattler.repo_data import RepoDataRecord
from rattler.virtual_package import VirtualPackageOverrides

_DOWNLOADS = 8
"""Maximum number of downloads at a time."""


class RefusedError(Exception):
    def __init__(self, kind: str, message: str, *, archive: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.archive = archive


async def solve_request(request: dict[str, Any]) -> dict[str, Any]:
    platform = Subdir(request["platform"]) if request["platform"] else Subdir.current()
    day = request["as_of"]
    records = await solve(
        sources=request["channels"],
        # A spec that is passed as a text is parsed strictly, and `==1.2.*` refused.
        specs=[MatchSpec(spec) for spec in request["specs"]],
        platforms=[platform, Subdir("noarch")],
        virtual_packages=VirtualPackage.detect(VirtualPackageOverrides.from_env()),
        # The default of micromamba.
        channel_priority=ChannelPriority.Flexible,
        exclude_newer=datetime.combine(datetime.fromisoformat(day), time.max, UTC) if day else None,
        # As Metaflow configures micromamba: flows import pkg_resources, or call pip.
        add_pip_as_python_dependency=True,
        channel_relations="disabled",
    )
    unhashed = sorted(record.file_name for record in records if record.sha256 is None)
    if unhashed:
        raise RefusedError("NoHash", ", ".join(unhashed))
    archives = [[record.url, record.sha256.hex()] for record in records if record.sha256]
    return {"platform": str(platform), "archives": archives}


async def install_request(request: dict[str, Any]) -> dict[str, Any]:
    platform = str(Subdir.current())
    if platform != request["platform"]:
        raise RefusedError("Platform", platform)
    turns = asyncio.Semaphore(_DOWNLOADS)
    client = Client.default_client()

    async def fetch_record(archive: dict[str, str]) -> RepoDataRecord:
        async with turns:
            await fetch_checked(archive, client)
            return await RepoDataRecord.from_package_archive(archive["file"])

    records = await asyncio.gather(*map(fetch_record, request["archives"]))
    # rattler links files that it has unpacked, and finds an archive by name, version and build: in
    # the user's own cache it would link files that were edited there. So it gets its own cache,
    # which has only checked archives.
    await install(
        records,
        request["prefix"],
        cache_dir=Path(request["unpacked"]),
        execute_link_scripts=False,
        show_progress=False,
    )
    return {}


async def fetch_checked(archive: dict[str, str], client: Client) -> None:
    """Fetch an archive, unless it exists; raise `RefusedError` if it has not the locked hash."""
    file, locked = Path(archive["file"]), archive["sha256"]
    if await asyncio.to_thread(sha256_of, file) == locked:
        return
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        await fetch(archive["url"], partial, client)
        actual = await asyncio.to_thread(sha256_of, partial)
        if actual != locked:
            hashes = f"expected sha256:{locked}, got sha256:{actual}"
            raise RefusedError("Hash", hashes, archive=file.name)
        partial.replace(file)
    except (OSError, RuntimeError) as error:
        raise RefusedError("Fetch", str(error), archive=file.name) from error
    finally:
        partial.unlink(missing_ok=True)


async def fetch(url: str, file: Path, client: Client) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if url.startswith("file:"):  # which rattler's client does not know
        await asyncio.to_thread(shutil.copyfile, url2pathname(urlsplit(url).path), file)
    else:
        await download_to_path(client, url, file)


def sha256_of(file: Path) -> str | None:
    """Return the SHA-256 of a file; None if it does not exist."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def answer(request: dict[str, Any]) -> dict[str, Any]:
    command = {"solve": solve_request, "install": install_request}[request["command"]]
    try:
        return asyncio.run(command(request))
    except RefusedError as error:
        return {"error": error.kind, "message": str(error), "archive": error.archive}
    except Exception as error:  # noqa: BLE001  the parent words every error of rattler
        return {"error": type(error).__name__, "message": str(error), "archive": None}


if __name__ == "__main__":
    print(json.dumps(answer(json.loads(Path(sys.argv[1]).read_text("utf-8")))))  # noqa: T201
