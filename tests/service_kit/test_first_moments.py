"""A signal while a program still loads, and a limit of open files that is low: both programs, as processes."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.apps import BIN, Apps
from tests.support.http import HTTP
from tests.support.polling import eventually
from tests.trading_app.raw_http import TRADE, connected, get, post

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads from /proc what is loaded")

PROGRAMS = ("trading-app", "metrics-sidecar")


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    made = Apps(tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_still_loads_ends_it_with_0(apps: Apps, name: str, by: signal.Signals) -> None:
    apps.start(name, [BIN / name])
    maps = Path(f"/proc/{apps.processes[name].pid}/maps")
    eventually(lambda: "uvloop" in maps.read_text(), what="a library loaded")
    apps.processes[name].send_signal(by)
    assert apps.processes[name].wait(timeout=60) == 0
    assert "Traceback" not in apps.log(name).read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_second_signal_at_the_end_changes_nothing(apps: Apps, name: str) -> None:
    apps.start_both()
    for _ in range(2):
        apps.processes[name].send_signal(signal.SIGTERM)
    assert apps.processes[name].wait(timeout=60) == 0


def start_with_files(apps: Apps, name: str, files: int) -> None:
    """Start it with this maximum of file descriptors."""
    apps.start(name, ["bash", "-c", f"ulimit -n {files} && exec $0", str(BIN / name)])


def test_with_few_files_it_serves_fewer_connections_and_fails_no_request(apps: Apps) -> None:
    start_with_files(apps, "trading-app", 200)
    apps.wait_for("trading-app", 60)
    assert "few file descriptors" in apps.log("trading-app").read_text()
    statuses = []
    with ExitStack() as held:
        for number in range(300):
            held.enter_context(connected(apps.web_port)).send(get("/healthz") if number % 2 else b"GET")
        for path in ("/trade", "/trades", "/trade?"):
            body = TRADE if "trades" not in path else b"[" + TRADE + b"]"
            with connected(apps.web_port) as connection:
                connection.send(post(path, body))
                statuses.append(connection.answer().status)
        pages = ("/trades", "/", "/metrics", "/docs")
        statuses += [HTTP.get(apps.web_url + path).status_code for path in pages]
    assert statuses == [201] * 3 + [200] * 4


@pytest.mark.parametrize("name", PROGRAMS)
def test_with_too_few_files_it_says_so_and_ends_with_1(apps: Apps, name: str) -> None:
    start_with_files(apps, name, 80)
    assert apps.processes[name].wait(timeout=60) == 1
    assert "ulimit -Hn" in apps.log(name).read_text()
