"""Posts trades at a steady rate whatever becomes of the answers (an open loop), over connections of its own:
`python -m benchmarks.paced PORT RUN RATE SECONDS`, with the token in BENCH_TOKEN. Prints one JSON object, see `Paced`.

A latency is counted from when its request was due: a stall is in the latencies of all that were due meanwhile, not in
one alone (no coordinated omission). The delay of the generator itself is printed beside it.
"""

import contextlib
import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks import trades
from benchmarks.http_client import post_request

CONNECTIONS = 128
HEAD_START_SECONDS = 0.5
"""What else is to run meanwhile is then under way."""


@dataclass(frozen=True, slots=True)
class Paced:
    """What was seen. `late_p99_ms` is how much later requests were sent than was due and a connection was idle, for
    want of CPU: the generator's own share. `cpu_us` is what a request costs it.
    """

    sent: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    cpu_us: float


def percentile(values: list[float], hundredths: int) -> float:
    """The value that this share of the values, in percent, is not above."""
    return sorted(values)[min(len(values) * hundredths // 100, len(values) - 1)]


def post(port: int, token: str, run: str, rate: float, seconds: float) -> Paced:
    """Post, and wait until all is answered. AssertionError where something is not accepted."""
    common = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n".encode()
    poller = select.epoll()
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    by_descriptor = {connection.fileno(): connection for connection in connections}
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poller.register(connection, select.EPOLLIN)
    due_of: dict[int, float] = {}
    idle, latencies, late = list(connections), list[float](), list[float]()
    total, sent, idle_since = int(rate * seconds), 0, 0.0
    cpu, began = time.process_time(), time.perf_counter()
    while len(latencies) < total:
        now = time.perf_counter()
        while idle and sent < total and (due := began + sent / rate) <= now:
            connection = idle.pop()
            connection.sendall(post_request("/trade", trades.single(run, sent + 1), trades.JSON, common))
            due_of[connection.fileno()] = due
            late.append(now - max(due, idle_since))
            sent += 1
        rest = began + sent / rate - time.perf_counter() if idle and sent < total else 1.0
        select.select([poller], [], [], max(rest, 0))  # to the microsecond, which epoll's own timeout is not
        if not idle:
            idle_since = time.perf_counter()
        for descriptor, _ in poller.poll(0):
            answer = by_descriptor[descriptor].recv(65_536)
            assert answer.startswith(b"HTTP/1.1 201 "), answer
            latencies.append(time.perf_counter() - due_of[descriptor])
            idle.append(by_descriptor[descriptor])
    for connection in connections:
        connection.close()
    return Paced(
        sent,
        percentile(latencies, 50) * 1e3,
        percentile(latencies, 99) * 1e3,
        max(latencies) * 1e3,
        percentile(late, 99) * 1e3,
        (time.process_time() - cpu) / total * 1e6,
    )


if __name__ == "__main__":
    with contextlib.suppress(PermissionError):
        os.nice(-10)  # ahead of the other load on this core, where that is allowed
    time.sleep(HEAD_START_SECONDS)
    port, run, rate, seconds = sys.argv[1:]
    print(json.dumps(asdict(post(int(port), os.environ["BENCH_TOKEN"], run, float(rate), float(seconds)))))
