"""Load artifacts in workers, so that this process survives their loading.

Unpickling runs the flow's code: it may hang, end the process, or take all memory. So a forked
worker loads one artifact after another; where it dies or takes too long, that artifact is
identified by its pickle bytes, and another worker goes on with the next.
Standard library and Metaflow only, Python 3.8 syntax.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import select
import signal
import sys
import time
import types
from typing import Any, NamedTuple

from _flowrepro.arrays import UnknownDtypeError
from _flowrepro.canonical.encoder import HEADER, TooDeepError, TooManyPathsError, digest
from _flowrepro.canonical.graph import GraphLimitError
from _flowrepro.canonical.structure import structure
from _flowrepro.encoders import EncoderError
from _flowrepro.kinds import FLOW_MODULE, type_name
from _flowrepro.readable.form import readable
from _flowrepro.readable.full_values import UnwritableError, is_whole, store
from _flowrepro.reduce.reduction import UnwalkableError
from _flowrepro.serializers import activate, encoding_of, has_others, info_of, is_pickle, noted
from _flowrepro.thumbnail import store_thumbnail

SETTLED = 1_000_000
"""Bytes of a pickle: of larger ones the SHA is noted, so that they need not be loaded again."""

MAX_SLOW = 4
"""Artifacts that take too long: reading a run with more of them is stopped."""

NO_MEMORY = "cannot be loaded: there is not enough memory"

_OURS = (TooManyPathsError, GraphLimitError, TooDeepError, UnknownDtypeError, UnwalkableError)
"""Their messages are shown alone: a baseline never names a class of ours."""


class CannotReadError(Exception):
    """Reading the run was stopped; the message is for the user."""


class WorkerEnd(NamedTuple):
    """The end of a worker."""

    words: str
    slow: bool = False
    """An artifact took longer than it may."""


class Stored(NamedTuple):
    """One value in the datastore."""

    identity: str
    """See _flowrepro/serializers.py."""
    name: str
    """The name of an artifact that has this value."""
    store: Any
    """The task datastore that knows the artifact."""
    whole: int = 0
    """Bytes up to which the value is written to a file of its own."""

    @property
    def info(self) -> dict[str, Any]:
        return info_of(self.store, self.name)

    @property
    def sha(self) -> str:
        """Return Metaflow's SHA of the blob."""
        return str((vars(self.store).get("_objects") or {}).get(self.name, self.identity))

    @property
    def size(self) -> int:
        """Return the bytes of the pickle; 0 without one, or where Metaflow does not note them."""
        return int(self.info.get("size") or 0) if is_pickle(self.info) else 0

    @property
    def key(self) -> str:
        """Return a hash of Metaflow's SHA and of the version of the canonical form."""
        return hashlib.sha1(HEADER + self.identity.encode()).hexdigest()  # noqa: S324  as Metaflow's


def load_all(pickles: list[Stored], request: dict[str, Any]) -> dict[str, Any]:
    """Return identity -> ARTIFACT without its name, see capture.py.

    Raises `CannotReadError` for more than `MAX_SLOW` artifacts that take too long, and where the
    disk has no room for a full value.
    """
    slow: list[str] = []
    known = request["known"] if pickles_settle(request) else {}
    values = {p.identity: known[p.key] for p in pickles if p.key in known and is_pickle(p.info)}
    while len(values) < len(pickles):
        waiting = [stored for stored in pickles if stored.identity not in values]
        end = run_worker(waiting, request, values)
        culprit = next((stored for stored in waiting if stored.identity not in values), None)
        if culprit is not None:
            values[culprit.identity] = by_bytes(
                culprit, "cannot be loaded: " + end.words, unread=True
            )
            slow += [culprit.name] * end.slow
        if len(slow) > MAX_SLOW:
            message = "loading these artifacts takes more than %d s each: %s"
            raise CannotReadError(message % (request["seconds"], ", ".join(slow)))
    return values


def pickles_settle(request: dict[str, Any]) -> bool:
    """Return whether equal pickles are equal values: no encoder or other serializer is used."""
    return not (request.get("encoders") or has_others())


def run_worker(waiting: list[Stored], request: dict[str, Any], values: dict[str, Any]) -> WorkerEnd:
    """Fill `values` from one worker; return how the worker ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        work(waiting, request, writer)
    os.close(writer)
    expected = len(values) + len(waiting)
    buffer = b""
    try:
        while len(values) < expected:
            if not select.select([reader], [], [], request["seconds"])[0]:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return WorkerEnd("it took more than %d s" % request["seconds"], slow=True)
            data = os.read(reader, 1 << 16)
            if not data:
                break
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                artifacts = json.loads(line)
                if "" in artifacts:
                    raise CannotReadError(artifacts[""])
                values.update(artifacts)
    finally:
        os.close(reader)
    return WorkerEnd(ending_of(pid))


def ending_of(pid: int) -> str:
    for _ in range(1000):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done and os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            hint = " (the system may have run out of memory)" if name == "SIGKILL" else ""
            return "its process ended with %s%s" % (name, hint)
        if done:
            return "its process ended with exit code %d" % os.WEXITSTATUS(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)  # its code closed the pipe, and went on
    os.waitpid(pid, 0)
    return "it never ended"


def work(waiting: list[Stored], request: dict[str, Any], writer: int) -> None:
    """Send one line of JSON for each artifact as soon as it is read, then end this process."""
    status = 1
    try:
        prefer_for_oom_killer()
        resolve_main(request["flow_file"])
        sys.addaudithook(note_class)
        for stored in waiting:
            try:
                send(writer, {stored.identity: observe(stored, request)})
            except UnwritableError as error:
                send(writer, {"": "the full value of %s cannot be kept: %s" % (stored.name, error)})
        status = 0
    finally:
        os._exit(status)  # no `atexit` of the flow, and never back into the parent's code


def prefer_for_oom_killer() -> None:
    """Make Linux end this process, not its parent, when an artifact takes all memory."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:  # another system
        return


def send(writer: int, artifacts: dict[str, Any]) -> None:
    """Write one line of JSON: identity -> ARTIFACT; or, under an empty name, why reading stops."""
    data = (json.dumps(artifacts) + "\n").encode("ascii")
    while data:
        data = data[os.write(writer, data) :]


def observe(stored: Stored, request: dict[str, Any]) -> dict[str, Any]:
    """Return the ARTIFACT of a value: by its canonical form or, without one, by its pickle."""
    _modules.clear()
    try:
        value = load(stored)
    except BaseException as error:  # noqa: BLE001  the flow's code ran, and may raise anything
        return by_bytes(stored, why_unread(stored, error), unread=isinstance(error, MemoryError))
    is_unchanged = (
        stored.size > SETTLED and not any(map(is_own, _modules)) and pickles_settle(request)
    )
    try:
        value_digest, inner = digest(value), structure(value)
    except EncoderError as error:
        cause = error.__cause__ or error
        return by_bytes(stored, "the encoder of %s raised %s" % (error, reason(cause)))
    except BaseException as error:  # noqa: BLE001  so may the `__reduce__` of a part
        why = failure("cannot be walked", error)
        return by_bytes(stored, why, unread=isinstance(error, MemoryError))
    kind = type_name(type(value))
    try:
        shown = readable(value, request["value_limit"], digest=value_digest)
    except Exception:  # noqa: BLE001  the digest decides; a value that cannot be shown is not an error
        shown = {"$cut": {"type": kind, "digest": value_digest[len("sha256:") :][:16]}}
    observed = {"type": kind, "digest": value_digest, "value": shown, "opaque": False}
    if inner is not None:
        observed["structure"] = inner
    if is_unchanged:
        observed["sha"] = stored.key
    if value_digest not in request["have"]:
        file = os.path.join(request["values"], value_digest[len("sha256:") :][:16])
        if stored.whole and not is_whole(shown):
            observed["stored"] = store(value, file + ".npz", stored.whole)
        try:
            observed["picture"] = store_thumbnail(value, file + ".png")
        except OSError as error:
            raise UnwritableError(error.strerror) from error
    return observed


def load(stored: Stored) -> Any:
    """Return the value as Metaflow reads it; raises whatever reading it raises."""
    try:
        _, value = next(iter(stored.store.load_artifacts([stored.name])))
    except Exception:
        if is_pickle(stored.info) or not activate():
            raise
        _, value = next(iter(stored.store.load_artifacts([stored.name])))
    if type_name(type(value)) == "metaflow.includefile.IncludedFile":
        value = value.decode(stored.name)  # as Metaflow's client does; else it is a local URL
    return value


def why_unread(stored: Stored, error: BaseException) -> str:
    """Return why a value could not be read, in one line that is the same in each run."""
    if is_pickle(stored.info):
        return failure("cannot be unpickled", error)
    encoding = encoding_of(stored.info)[:60]
    if str(error).startswith("No deserializer claimed"):
        return "cannot be read: no serializer in this environment reads the encoding " + encoding
    return failure("cannot be read by the serializer of the encoding " + encoding, error)


_modules: set[str] = set()
"""Modules that the pickle being loaded has named."""


def note_class(event: str, args: Any) -> None:
    """Note, as an audit hook, the modules whose classes and functions a pickle asks for."""
    if event == "pickle.find_class":
        _modules.add(str(args[0]))


def is_own(module: str) -> bool:
    """Return whether a module is the flow's own code, which may differ in another check."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__" or file is None:
        return module == "__main__"
    copy = os.path.realpath(os.environ.get("FLOWREPRO_COPY") or ".")
    return bool(os.path.realpath(file).startswith(copy + os.sep))


def by_bytes(stored: Stored, why: str, *, unread: bool = False) -> dict[str, Any]:
    """Return the ARTIFACT of a value by its bytes; `unread`: another machine may read it."""
    match = re.match(r"(?:<class ')?([\w.<>]+)(?:'>)?$", str(stored.info.get("type") or "object"))
    try:
        blobs = stored.store._ca_store  # noqa: SLF001  the bytes themselves, not what they load as
        data = dict(blobs.load_blobs([stored.sha]))[stored.sha]
    except Exception:  # noqa: BLE001  the file is gone or broken; its name is a hash as well
        data = stored.sha.encode()
    if not is_pickle(stored.info):
        data = noted(stored.info) + b"\0" + data
    sha = hashlib.sha256(HEADER + b"?" + data).hexdigest()
    kind = match.group(1) if match else "object"
    return {
        "type": kind,
        "digest": "sha256:" + sha,
        "value": {"$opaque": why, "type": kind, "digest": sha[:16]},
        "opaque": True,
        **({"unread": True} if unread else {}),
    }


def failure(what: str, error: BaseException) -> str:
    return NO_MEMORY if isinstance(error, MemoryError) else "%s: %s" % (what, reason(error))


def reason(error: BaseException) -> str:
    """Return the error in one line that is the same in each run: no address, no path.

    The message of an error class that is not Python's own is left alone: it is the user's code.
    """
    if isinstance(error, _OURS):
        return str(error)
    cls: type = type(error)
    if cls.__module__ not in ("builtins", "_pickle", "pickle"):
        return type_name(cls)
    message = str(error).partition("\n")[0]
    message = re.sub(r"0x[0-9a-fA-F]+", "0x...", message)
    message = re.sub(r"(?<![\w.])/[^\s'\"<>,;:)]+", "...", message)
    return ("%s: %s" % (type_name(cls), message) if message else type_name(cls))[:300]


def resolve_main(flow_file: str) -> None:
    """Let `__main__.X` in a pickle mean the X of the flow's file, which is loaded when needed."""
    main = types.ModuleType("__main__")
    real = vars(sys.modules["__main__"])
    if "ForeachFrame" in real:  # Metaflow's own, see metaflow.tuple_util
        vars(main)["ForeachFrame"] = real["ForeachFrame"]

    def missing(name: str) -> Any:
        if FLOW_MODULE not in sys.modules:
            load_flow(flow_file)
        return getattr(sys.modules[FLOW_MODULE], name)

    vars(main)["__getattr__"] = missing
    sys.modules["__main__"] = main
    sys.path.insert(0, os.path.dirname(flow_file))
    sys.argv = [flow_file]


def load_flow(flow_file: str) -> None:
    """Run the flow's file under another name than `__main__`, without starting the flow."""
    from metaflow import FlowSpec  # noqa: PLC0415  in the worker only

    # Some files start their flow at module level, not under a `__main__` guard.
    FlowSpec.__init__ = lambda *_, **__: None
    spec = importlib.util.spec_from_file_location(FLOW_MODULE, flow_file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[FLOW_MODULE] = module  # stays, even half loaded: it is not tried again
    spec.loader.exec_module(module)
