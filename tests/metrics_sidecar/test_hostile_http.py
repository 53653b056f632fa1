"""Hostile clients of the sidecar's HTTP port, before any token is checked: scrapes go on, memory stays bounded."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.apps import Apps, answers, samples_of
from tests.support.polling import eventually
from tests.trading_app.raw_http import connected, get, send_until_cut

SIDECAR = "metrics-sidecar"
DROPPED = 'trading_sidecar_connections_dropped_total{{reason="{}"}}'
REFUSED = 'trading_sidecar_requests_refused_total{{code="{}"}}'
MIB = 2**20

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    """A web app and a sidecar, both ready."""
    made = Apps(tmp_path, SIDECAR_SNAPSHOT_SECONDS="0.1")
    try:
        made.start_both()
        yield made
    finally:
        made.end()


def peak(apps: Apps) -> int:
    """The most memory the sidecar has held so far, bytes."""
    status = Path(f"/proc/{apps.processes[SIDECAR].pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def pauses(apps: Apps) -> int:
    """How often the sidecar has logged that the stream is unreachable."""
    return apps.log(SIDECAR).read_bytes().count(b"stream unreachable")


def scrapes(apps: Apps) -> bool:
    """Whether a scrape is answered at once."""
    return answers(f"{apps.sidecar_url}/metrics")


@pytest.mark.parametrize("beginning", [b"GET /healthz HTTP/1.1\r\nX-Long: ", b"GET /", b"GET /healthz HTTP/1.1\r\n"])
def test_an_endless_head_is_dropped(apps: Apps, beginning: bytes) -> None:
    assert scrapes(apps)
    before = peak(apps)
    piece = b"X-More: v\r\n" * 1_000 if beginning.endswith(b"\n") else b"x" * 65_536
    for _ in range(4):
        with connected(apps.sidecar_port) as connection:
            connection.send(beginning)
            send_until_cut(connection.socket, piece, 64 * MIB)
        assert scrapes(apps)
    assert peak(apps) - before < 8 * MIB
    refused = apps.samples()
    assert int(refused[REFUSED.format("headers_too_large")]) == 4


def test_a_thousand_silent_connections_reset_no_scrape(apps: Apps) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096), hard))
    assert scrapes(apps)
    before = peak(apps)
    with ExitStack() as silent:
        for number in range(1_024):
            silent.enter_context(socket.create_connection(("127.0.0.1", apps.sidecar_port)))
            assert number % 64 or scrapes(apps)
        shown = apps.samples()
        assert int(shown["trading_sidecar_connections"]) <= 50 + 10, "an address has a quarter of 200"
        assert int(shown[DROPPED.format("address_share")]) > 900
        assert scrapes(apps)
    assert peak(apps) - before < 16 * MIB


def test_unread_pipelined_answers_are_bounded(apps: Apps) -> None:
    assert scrapes(apps)
    before = peak(apps)
    with ExitStack() as opened:
        for _ in range(40):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", apps.sidecar_port)))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.setblocking(False)
            try:
                for _ in range(100):
                    connection.send(get("/nothing") * 1_000)
            except (BlockingIOError, ConnectionError):  # on a busy machine the sidecar may cut it meanwhile
                pass
        eventually(lambda: scrapes(apps), what="a scrape beside them")
    assert peak(apps) - before < 20 * MIB


def test_trailers_behind_an_answer_are_not_kept(apps: Apps) -> None:
    assert scrapes(apps)
    before = peak(apps)
    for _ in range(4):
        with connected(apps.sidecar_port) as connection:
            connection.send(b"POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert connection.answer().status == 404
            connection.send(b"1\r\n{\r\n0\r\n")
            for _ in range(30):
                connection.send(b"X: 1\r\n" * 10_000)
        assert scrapes(apps)
    assert peak(apps) - before < 8 * MIB


@pytest.mark.long
def test_without_descriptors_it_waits_for_the_web_app_and_catches_up(apps: Apps) -> None:
    process = apps.processes[SIDECAR]
    limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    for _ in range(2):
        before = pauses(apps)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        apps.kill("trading-app")
        apps.start("trading-app")
        apps.wait_for("trading-app")
        eventually(lambda before=before: pauses(apps) > before, what="a pause")  # type: ignore[misc]
        assert process.poll() is None
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
        eventually(lambda: apps.samples()["trading_stream_caught_up"] == "1", what="the stream reached again")
    assert process.poll() is None
    assert samples_of(f"{apps.sidecar_url}/metrics")
