"""Take the place of a task's interpreter, while the task runs as a fork of warm.py.

    python -I -S warm_client.py SOCKET PYTHON FLOW_FILE [ARGUMENT ...]

It gives the task its standard streams, passes signals on, and ends as the task does. If warm.py
does not fork, this process becomes `PYTHON FLOW_FILE ARGUMENT ...`. It starts for each task, so it
imports little, and nothing that is slow to import.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` would take half of the start
import _socket
import marshal
import os
import sys

_SENT_ON = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGUSR1, _signal.SIGUSR2)
_FIRST = 30000
"""Bytes of the request that come with the streams."""


def main() -> None:
    address, argv = sys.argv[1], sys.argv[2:]
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        line.connect(address)
        _ask(line, argv)
        answer = _read_line(line)
    except OSError:
        answer = b""
    if answer != b"forked":
        os.execv(argv[0], argv)  # noqa: S606
    for number in _SENT_ON:
        _signal.signal(number, lambda number, _: line.send(bytes([number])))
    status = _read_line(line)
    if not status:
        os.write(2, b"The interpreter that the tasks of this flow are forks of has ended.\n")
        os._exit(1)
    _end_like(int(status))


def _ask(line: _socket.socket, argv: list[str]) -> None:
    umask = os.umask(0o77)
    os.umask(umask)
    request = ([os.fsencode(word) for word in argv], dict(os.environb), os.getcwdb(), umask)
    data = marshal.dumps(request)
    streams = b"".join(stream.to_bytes(4, sys.byteorder) for stream in (0, 1, 2))
    first = len(data).to_bytes(4, "big") + data[:_FIRST]
    sent = line.sendmsg([first], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    line.sendall(first[sent:] + data[_FIRST:])


def _read_line(line: _socket.socket) -> bytes:
    """Return the next line from the server; empty where it has closed the connection."""
    text = b""
    while not text.endswith(b"\n"):
        more = line.recv(1)
        if not more:
            return b""
        text += more
    return text[:-1]


def _end_like(status: int) -> None:
    """End this process as the task did."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        import resource  # noqa: PLC0415  it is seldom needed

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the task has left one, if any
        if -code not in (_signal.SIGKILL, _signal.SIGSTOP):
            _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
