"""Holds many connections with requests that don't come to their end: `python -m tests.support.slowloris PORT COUNT`.

A third of them sends a head, a third a body, byte by byte; the rest says nothing. It writes a line once all are open,
and at the end, when none is, a JSON object: how many were answered with 408, and how many seconds the last one lasted.
"""

import json
import resource
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAUSE_SECONDS = 0.5
"""Between two bytes of a connection."""

HEAD = b"POST /trade HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
OPENINGS = (HEAD + b"X-Slow: ", HEAD + b"Content-Length: 1000\r\n\r\n", b"")


@contextmanager
def slowloris(port: int, count: int) -> Iterator["subprocess.Popen[str]"]:
    """The process, once all its connections are open."""
    command = [sys.executable, "-m", "tests.support.slowloris", str(port), str(count)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def outcome(process: "subprocess.Popen[str]") -> dict[str, float]:
    """What it says at its end: `answered`, and `seconds`."""
    assert process.stdout is not None
    said: dict[str, float] = json.loads(process.stdout.readline())
    return said


def main(port: int, count: int) -> None:
    """Open so many, and keep them as long as the other side lets it."""
    _, max_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))
    selector = selectors.DefaultSelector()
    talking: deque[socket.socket] = deque()
    began = time.monotonic()
    for number in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        opening = OPENINGS[number % len(OPENINGS)]
        connection.sendall(opening)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
        if opening:
            talking.append(connection)
    print("open", flush=True)
    answered = 0
    while selector.get_map():
        for key, _ in selector.select(PAUSE_SECONDS / count):
            answered += _has_answer(key.fileobj)  # type: ignore[arg-type]  # only sockets were registered
            selector.unregister(key.fileobj)
        if talking and _send_byte(talking[0]):
            talking.rotate(-1)
        elif talking:
            talking.popleft()
    print(json.dumps({"answered": answered, "seconds": time.monotonic() - began}), flush=True)


def _has_answer(connection: socket.socket) -> bool:
    with connection:
        return connection.recv(65_536).startswith(b"HTTP/1.1 408")


def _send_byte(connection: socket.socket) -> bool:
    """Whether there is somebody who takes it."""
    try:
        connection.send(b"x")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
