"""Run a flow whose tasks are forks of one interpreter, which has imported Metaflow.

    python -u warm.py [--then COUNT LOG SCRIPT ...] SOCKET FLOW_FILE [ARGUMENT ...] ROOM
    python -u warm.py --tasks DESCRIPTOR LISTENING FLOW_FILE ROOM

Metaflow starts a new interpreter for each task, and to import Metaflow takes longer than most
tasks. This process imports it once. A fork of it schedules the flow, as `python FLOW_FILE ARGUMENT
...` does, and each client (warm_client.py) that connects to SOCKET gets a fork that is the task.
This process ends as the scheduler did. If the scheduler succeeded, one more fork first runs SCRIPT
with its arguments, COUNT words in all, with its output in LOG. ROOM is a long text: `ps` shows the
command line of each fork in its place.

For each step with its own interpreter, that interpreter is started in the second form. It only
forks tasks, for the clients of the socket whose descriptor is LISTENING. It ends when DESCRIPTOR
reaches its end, which is when the first process ends.

A fork must behave like a new interpreter, so only Metaflow and its imports may be loaded before the
fork. In other cases nothing is forked, and `python FLOW_FILE ARGUMENT ...` replaces this process or
the client: Metaflow's import has started threads, opened files or loaded modules of the project or
numerical libraries; a task has other variables that are read at the start; or Python is older than
3.9. Changes of Metaflow's variables by a flow before it imports Metaflow are handled in
flowrepro_select.py.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import marshal
import os
import select
import signal
import socket
import sys
import time
import types
from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False  # nothing is imported that Metaflow does not import
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, ModuleType

_NUMERICAL = ("numpy", "torch", "pandas", "polars", "pyarrow", "numba")
"""Libraries that start threads, or read the machine once."""

_READ_AT_START = ("GLIBC_", "LANG", "LC_", "LD_", "MALLOC_", "METAFLOW_", "PYTHON")
"""Prefixes of variables that an interpreter, its libraries or Metaflow read at their start."""

_OF_TASKS = ("METAFLOW_RUN_ID", "PYTHONUNBUFFERED")
"""Set by Metaflow for each task (metaflow/runtime.py); this process runs under `-u`."""


class Request:
    """The process that a fork is to become; without `streams`, the scheduler."""

    def __init__(
        self,
        argv: list[str],
        environ: dict[bytes, bytes],
        *,
        cwd: bytes = b".",
        umask: int = 0o22,
        streams: tuple[int, ...] = (),
    ) -> None:
        self.argv = argv
        self.environ = environ
        self.cwd = cwd
        self.umask = umask
        self.streams = streams


class Started:
    """`sys._flowrepro_warm` in a fork: where tasks are forked, and what it was started with."""

    def __init__(self, addresses: Mapping[str | None, str], request: Request) -> None:
        self.addresses = addresses
        """Keyed by interpreter; None is that of the flow."""
        self.argv = request.argv
        self.environ = request.environ


def main() -> tuple[ModuleType, CodeType]:
    """Return in each fork, with the module and the code that it is to run."""
    arguments, room = sys.argv[1:-1], sys.argv[-1]
    until = None
    if arguments[0] == "--tasks":
        until, arguments = int(arguments[1]), arguments[2:]
    then: list[str] = []
    if arguments[0] == "--then":
        count = int(arguments[1]) + 3
        then, arguments = arguments[2:count], arguments[count:]
    address, argv = arguments[0], [sys.executable, *arguments[1:]]
    scheduler = Request(argv, dict(os.environb))
    # Before Metaflow is imported, which leaves a class in `__main__` (metaflow/tuple_util.py).
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = argv[1:]
    if sys.path[0] == os.path.dirname(os.path.realpath(__file__)):  # not with PYTHONSAFEPATH
        sys.path[0] = os.path.dirname(os.path.realpath(argv[1]))
    try:
        listening = _listen(address) if until is None else socket.socket(fileno=int(address))
        _preload()
        server = _Server(listening, scheduler, then)
        addresses: dict[str | None, str] = {None: address}
        if until is None:
            addresses.update(_start_others(address, argv[1], room, server))
    except Exception:  # noqa: BLE001  a new interpreter meets it as well, or goes without
        if until is not None:
            os._exit(0)  # its clients become interpreters of their own
        os.execve(argv[0], argv, scheduler.environ)  # noqa: S606
    _freeze()
    request = server.serve(until)
    return module, _become(request, module, addresses)


def _freeze() -> None:
    """Keep a collection in a fork from copying all the memory that the forks share."""
    is_loaded = "gc" in sys.modules
    import gc  # noqa: PLC0415  a flow may look at what is loaded

    gc.collect()
    gc.freeze()
    if not is_loaded:
        del sys.modules["gc"]


def _listen(address: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(address)
    finally:
        os.umask(before)
    listening.listen(128)
    return listening


def _preload() -> None:
    """Import Metaflow, or raise.

    Not `metaflow.cli`: its commands are made for the flow (metaflow/cli_components/init_cmd.py).
    """
    if not hasattr(os, "pidfd_open"):
        raise RuntimeError("Python is older than 3.9")
    before = os.listdir("/proc/self/fd")
    importlib.import_module("metaflow")
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("threads were started")
    if os.listdir("/proc/self/fd") != before:
        raise RuntimeError("files were opened")
    copy = os.path.join(os.path.realpath(os.environ["FLOWREPRO_COPY"]), "")
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name in _NUMERICAL or (file and os.path.realpath(file).startswith(copy)):
            raise RuntimeError(name)


def _start_others(address: str, script: str, room: str, server: _Server) -> dict[str, str]:
    """Start a process like this one for each other interpreter; return where each listens."""
    addresses: dict[str, str] = {}
    observe = sys.modules.get("metaflow_extensions.flowrepro.plugins.flowrepro_observe")
    pythons = sorted(set(observe.PYTHONS.values())) if observe else []
    if pythons:
        assert observe is not None
        until, server.kept = os.pipe()
        os.set_inheritable(until, True)
        for number, python in enumerate(pythons):
            addresses[python] = f"{address}{number}"
            with _listen(addresses[python]) as listening:
                listening.set_inheritable(True)
                arguments = ["--tasks", str(until), str(listening.fileno()), script, room]
                argv = [python, "-u", __file__, *arguments]
                os.posix_spawn(python, argv, {**os.environ, **observe.variables_of(python)})
        os.close(until)
    return addresses


class _Server:
    """A parent of the scheduler and the tasks, which reports to each client how its task ended."""

    def __init__(self, listening: socket.socket, scheduler: Request, then: list[str]) -> None:
        self._scheduler = scheduler
        self._then = then
        self._poll = select.poll()
        self._listening = listening
        self.kept: int | None = None
        """The processes of other interpreters live while it is open."""
        self._ended: int | None = None
        """A descriptor that can be read when the scheduler has ended, or is to have."""
        self._tasks: dict[int, _Task] = {}
        """Keyed by such a descriptor of each, and by that of its client."""

    def serve(self, until: int | None) -> Request:
        """Return in each fork, with the request that it serves; never in this process."""
        pid = None
        if until is None:
            pid = os.fork()
            if pid == 0:
                self._leave()
                return self._scheduler
        ended = os.pidfd_open(pid) if pid is not None else until
        assert ended is not None
        self._ended = ended
        self._poll.register(ended, select.POLLIN)
        self._poll.register(self._listening, select.POLLIN)
        while True:
            descriptor = self._poll.poll()[0][0]  # one at a time: it may close the next
            if descriptor == ended:
                status = os.waitpid(pid, 0)[1] if pid is not None else 0
                request = self._follow() if status == 0 and self._then else None
                if request is not None:
                    return request
                _end_like(status)
            elif descriptor == self._listening.fileno():
                request = self._accept()
                if request is not None:
                    return request
            elif descriptor == self._tasks[descriptor].ended:
                self._tell(self._tasks[descriptor])
            else:
                self._send_on(self._tasks[descriptor])

    def _follow(self) -> Request | None:
        """Run the script that follows the scheduler.

        Return its request in the fork, and None here when it has ended or could not be forked.
        """
        try:
            log = os.open(self._then[0], os.O_WRONLY | os.O_CREAT, 0o600)
            pid = os.fork()
        except OSError:  # no room on the disk, too many processes
            return None
        if pid == 0:
            self._leave()
            streams = (os.open(os.devnull, os.O_RDONLY), log, os.dup(log))
            python, flow_file = self._scheduler.argv[:2]
            script = self._then[1]
            folder = os.path.dirname(os.path.realpath(flow_file))
            if folder in sys.path:
                sys.path[sys.path.index(folder)] = os.path.dirname(os.path.realpath(script))
            return Request([python, *self._then[1:]], self._scheduler.environ, streams=streams)
        os.waitpid(pid, 0)
        return None

    def _accept(self) -> Request | None:
        """Fork a task for a client; return its request in the fork, and None here."""
        client, _ = self._listening.accept()
        try:
            request = self._received(client)
        except (OSError, ValueError, EOFError):
            client.close()
            return None
        pid = None
        if _read_at_start(request.environ) == _read_at_start(self._scheduler.environ):
            with contextlib.suppress(
                OSError
            ):  # too many processes: the client reports it to Metaflow
                pid = os.fork()
        if pid == 0:
            client.close()
            self._leave()
            return request
        for stream in request.streams:
            os.close(stream)
        if pid is None:
            client.close()  # without an answer: it becomes an interpreter of its own
            return None
        task = _Task(pid, client)
        for descriptor in (task.ended, client.fileno()):
            self._tasks[descriptor] = task
            self._poll.register(descriptor, select.POLLIN)
        with contextlib.suppress(OSError):  # it was killed, which is seen to next
            client.sendall(b"forked\n")
        return None

    def _received(self, client: socket.socket) -> Request:
        client.settimeout(10)
        data, streams, _, _ = socket.recv_fds(client, 65536, 3)
        size, text = int.from_bytes(data[:4], "big"), data[4:]
        while len(text) < size:
            more = client.recv(65536)
            if not more:
                raise EOFError
            text += more
        client.settimeout(None)
        argv, environ, cwd, umask = marshal.loads(text)  # noqa: S302  of our own client
        argv = [os.fsdecode(word) for word in argv]
        return Request(argv, environ, cwd=cwd, umask=umask, streams=tuple(streams))

    def _tell(self, task: _Task) -> None:
        status = os.waitpid(task.pid, 0)[1]
        for descriptor in (task.ended, task.client.fileno()):
            del self._tasks[descriptor]
            with contextlib.suppress(KeyError):  # a client that was killed is no longer polled
                self._poll.unregister(descriptor)
        with contextlib.suppress(OSError):  # it was killed
            task.client.sendall(b"%d\n" % status)
        os.close(task.ended)
        task.client.close()

    def _send_on(self, task: _Task) -> None:
        """Send a signal that the client got; kill the task of a client that was killed."""
        try:
            number = task.client.recv(1)
        except OSError:
            number = b""
        if not number:
            self._poll.unregister(task.client)
        os.kill(task.pid, number[0] if number else 9)

    def _leave(self) -> None:
        """Close the descriptors of the server in a fork."""
        self._listening.close()
        for descriptor in (self._ended, self.kept):
            if descriptor is not None:
                os.close(descriptor)
        for descriptor, task in self._tasks.items():
            if descriptor == task.ended:
                os.close(descriptor)
                task.client.close()


class _Task:
    def __init__(self, pid: int, client: socket.socket) -> None:
        self.pid = pid
        self.client = client
        self.ended = os.pidfd_open(pid)


def _read_at_start(environ: Mapping[bytes, bytes]) -> dict[str, bytes]:
    variables = {os.fsdecode(name): value for name, value in environ.items()}
    return {
        name: value
        for name, value in variables.items()
        if name.startswith(_READ_AT_START) and name not in _OF_TASKS
    }


def _end_like(status: int) -> None:
    """End this process as another one ended."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        import resource  # noqa: PLC0415  it is seldom needed

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the other has left one, if any
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _become(request: Request, module: ModuleType, addresses: Mapping[str | None, str]) -> CodeType:
    """Turn this fork into the request's process; return the code to run in `module`."""
    if request.streams:
        for target, stream in enumerate(request.streams):
            os.dup2(stream, target)
        for stream in request.streams:
            os.close(stream)
        os.umask(request.umask)
        os.chdir(request.cwd)
        for name in os.environb.keys() - request.environ.keys():
            del os.environb[name]
        os.environb.update(request.environ)
        time.tzset()
    _show(request.argv)
    sys.argv = request.argv[1:]
    if hasattr(sys, "orig_argv"):  # since Python 3.10
        sys.orig_argv = list(request.argv)
    vars(sys)["_flowrepro_warm"] = Started(addresses, request)
    importlib.invalidate_caches()
    path = os.path.abspath(sys.argv[0])
    vars(module).update(
        __loader__=SourceFileLoader("__main__", path),
        __annotations__={},
        __builtins__=builtins,
        __file__=path,
        __cached__=None,
    )
    with open(path, "rb") as file:
        return compile(file.read(), path, "exec", dont_inherit=True)


def _show(argv: list[str]) -> None:
    """Let the system show another command line for this process, as far as there is room."""
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
        start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, proc(5)
        line = b"\0".join(os.fsencode(word) for word in argv)[: end - start - 1]
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(line.ljust(end - start, b"\0"))
    except (OSError, ValueError, IndexError):
        pass


_own = sys.modules["__main__"]  # or this module would be gone while it runs
_module, _code = main()
try:
    exec(_code, vars(_module))  # noqa: S102  the flow
except SystemExit:
    raise
except BaseException as _error:  # noqa: BLE001
    # As a new interpreter shows it, without this file.
    _frames = _error.__traceback__ and _error.__traceback__.tb_next
    sys.excepthook(type(_error), _error.with_traceback(_frames), _frames)
    if isinstance(_error, KeyboardInterrupt):
        _end_like(2)
    sys.exit(1)
