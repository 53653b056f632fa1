"""The end on request under load; a clock that is set back. `make torture PART="end clock"` does it more often."""

import random
import socket
import sys
from pathlib import Path

import pytest

from tests.support.apps import Apps, answers
from tests.support.load import make_trade, post_batch
from tests.support.polling import eventually
from tests.torture import ending

SEED = 20_261_121


def test_nothing_is_committed_without_an_answer_when_the_end_comes(tmp_path: Path) -> None:
    counts = ending.end_under_load(tmp_path, SEED, 1).counts
    assert counts["ends"] == 1
    assert counts["acknowledged"] == counts["journaled"] > 0
    assert (counts["lost"], counts["doubled"]) == (0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_client_that_does_not_read_is_cut_at_the_end(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    apps = Apps(tmp_path)
    try:
        apps.start("trading-app")
        apps.wait_for("trading-app")
        for part in range(4):
            trades = [make_trade(f"{part}-{index}", chance) | {"venue": "v" * 60} for index in range(10_000)]
            post_batch(apps.web_port, trades)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.connect(("127.0.0.1", apps.web_port))
            deaf.sendall(b"GET /trades/stream?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _wait_until_stuck(apps.web_port, deaf.getsockname()[1])
            apps.stop_one("trading-app")
        assert "it stopped reading" in apps.log("trading-app").read_text()
    finally:
        apps.end()


def _wait_until_stuck(server: int, client: int) -> None:
    """Wait until the system takes nothing more from the server for this client: what follows waits in the server.

    Between two looks the server answers a request, so it had its turn to send.
    """
    looks = [-1]

    def stuck() -> bool:
        looks.append(_unsent(server, client))
        return answers(f"http://127.0.0.1:{server}/healthz") and len(set(looks[-20:])) == 1 and looks[-1] > 0

    eventually(stuck, what="a server that can send no more")


def _unsent(server: int, client: int) -> int:
    """The bytes that the system holds for the client, as /proc/net/tcp has it: `tx_queue`."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if (int(local.split(":")[1], 16), int(remote.split(":")[1], 16)) == (server, client):
            return int(queues.split(":")[0], 16)
    return 0


def test_a_clock_that_is_set_back_changes_no_figure(tmp_path: Path) -> None:
    counts = ending.clock_set_back(tmp_path, SEED, 1).counts
    assert (counts["steps"], counts["went_back"]) == (1, 0)
    assert (counts["lost"], counts["doubled"]) == (0, 0)
