"""A package index of our own on the loopback interface, and wheels made by hand.

With it the tests of the lock and the environment run the real uv and the real pip, and need no
network. The pages are those of PEP 503 with the `data-yanked` attribute of PEP 592; where the index
knows when files were uploaded, those of PEP 691 with the `upload-time` of PEP 700.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

from packaging.utils import canonicalize_name
from platformdirs import user_cache_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    import pytest


PASSWORD = "hunter2"

_BOB = "Basic " + base64.b64encode(f"bob:{PASSWORD}".encode()).decode()
_JSON = "application/vnd.pypi.simple.v1+json"


def wheel(
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    tag: str = "py3-none-any",
    console_script: str | None = None,
    files: Mapping[str, str] | None = None,
) -> tuple[str, bytes]:
    """File name and bytes of a wheel that has one module, `<name>.py`, beside `files`."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Provides-Extra: {extra}" for extra in extras]
    metadata += [f"Requires-Dist: {requirement}" for requirement in requires]
    content = {
        f"{module}.py": f"VERSION = {version!r}\n\n\ndef main() -> None:\n    print(VERSION)\n",
        **(files or {}),
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if console_script:
        content[f"{info}/entry_points.txt"] = (
            f"[console_scripts]\n{console_script} = {module}:main\n"
        )
    record = "".join(f"{path},{_record_hash(text)},{len(text)}\n" for path, text in content.items())
    content[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{module}-{version}-{tag}.whl", packed.getvalue()


def _record_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def only_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalIndex]:
    """An index that is the only one that uv and pip know, by a URL with a password.

    Nothing of this machine's settings counts, no cache is warm, and nobody tries twice.
    """
    for name in os.environ:
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    empty_caches(monkeypatch, tmp_path)
    for name in ("UV_HTTP_RETRIES", "PIP_RETRIES"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    with LocalIndex() as index:
        use_index(monkeypatch, index.url)
        yield index


def empty_caches(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nothing that was fetched before is there: for uv, for pip, in our own cache."""
    # But for what virtualenv knows of this machine's interpreters: to ask each takes 0.2 s.
    virtualenv = os.environ.get("VIRTUALENV_OVERRIDE_APP_DATA", user_cache_dir("virtualenv"))
    monkeypatch.setenv("VIRTUALENV_OVERRIDE_APP_DATA", virtualenv)
    for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(folder / name))


def use_index(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let both tools ask that index, with a password in its URL."""
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, url.replace("://", f"://bob:{PASSWORD}@"))


def switch_index_off(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No index answers uv or pip any more, and neither has anything in its cache."""
    for name in os.environ:
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    empty_caches(monkeypatch, folder / "empty")
    for name in ("UV_HTTP_RETRIES", "PIP_RETRIES"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    use_index(monkeypatch, "http://127.0.0.1:9/simple")


class LocalIndex:
    """Serves `files` until the `with` block ends."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.yanked: set[str] = set()
        self.missing: set[str] = set()
        """Listed, but not there when it is asked for."""
        self.uploaded: dict[str, str] = {}
        """File name -> when, such as `2025-06-21T07:00:00Z`."""
        self.status: int | None = None
        """When set, every answer has this status and no content."""
        self.private = False
        """When set, nobody is answered who does not give bob's password."""
        self.hangs = False
        """When set, no request is ever answered."""
        self.asked: list[str] = []
        """The path of each request, in order."""
        self._closing = threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index._answer(self)

            def do_HEAD(self) -> None:
                index._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/simple"

    def add(self, file: tuple[str, bytes]) -> str:
        """Serve a file; returns its sha256."""
        name, data = file
        self.files[name] = data
        return sha256(data)

    def lock(self, *filenames: str) -> str:
        """The text of a lock for these wheels."""
        lines = []
        for filename in sorted(filenames):
            name, version = filename.split("-")[:2]
            digest = sha256(self.files[filename])
            lines.append(f"{canonicalize_name(name)}=={version} \\\n    --hash=sha256:{digest}\n")
        return "".join(lines)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        if self.hangs:
            self._closing.wait(60)
            return
        refused = self.private and request.headers["Authorization"] != _BOB
        body = None if refused else self._body(unquote(request.path))
        request.send_response(401 if refused else self.status or (404 if body is None else 200))
        request.send_header("Content-Type", _JSON if self.uploaded else "text/html")
        request.send_header("Content-Length", str(len(body or b"")))
        request.end_headers()
        if request.command == "GET":
            # An installer that has seen enough, or was stopped, hangs up.
            with contextlib.suppress(ConnectionError):
                request.wfile.write(body or b"")

    def _body(self, path: str) -> bytes | None:
        if self.status:
            return None
        match path.strip("/").split("/"):
            case ["files", filename]:
                return None if filename in self.missing else self.files.get(filename)
            case ["simple", project] if names := list(self._of(project)):
                return self._json(project, names) if self.uploaded else self._html(names)
        return None

    def _of(self, project: str) -> Iterator[str]:
        for filename in self.files:
            if canonicalize_name(filename.split("-")[0]) == project:
                yield filename

    def _html(self, filenames: Sequence[str]) -> bytes:
        links = ""
        for filename in filenames:
            yanked = ' data-yanked=""' if filename in self.yanked else ""
            url = f"/files/{filename}#sha256={sha256(self.files[filename])}"
            links += f'<a href="{url}"{yanked}>{filename}</a>'
        return f"<!DOCTYPE html><html><body>{links}</body></html>".encode()

    def _json(self, project: str, filenames: Sequence[str]) -> bytes:
        files = [
            {
                "filename": filename,
                "url": f"/files/{filename}",
                "hashes": {"sha256": sha256(self.files[filename])},
                "yanked": filename in self.yanked,
                "size": len(self.files[filename]),
                **({"upload-time": when} if (when := self.uploaded.get(filename)) else {}),
            }
            for filename in filenames
        ]
        page = {"meta": {"api-version": "1.1"}, "name": project, "versions": [], "files": files}
        return json.dumps(page).encode()
