"""One flipped bit in an old row, and a sidecar that has to read it: the web app goes on, and both say which trades."""

import random
from contextlib import closing
from pathlib import Path

import apsw
import httpx
import pytest

from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from tests.support.apps import Apps, answers, running_apps
from tests.support.http import open_client
from tests.support.load import make_trade, post_batch
from tests.support.polling import eventually

ROW = 500


def flip_a_bit(data: Path, first: int) -> None:
    with closing(apsw.Connection(str(data / JOURNAL_FILE))) as connection:
        stored: bytes = connection.execute("SELECT events FROM batch WHERE first = ?", (first,)).get
        changed = bytearray(stored)
        changed[len(changed) // 2] ^= 1
        connection.execute("UPDATE batch SET events = ? WHERE first = ?", (bytes(changed), first))


def damage(apps: Apps) -> dict[str, str]:
    """Three batches, the second damaged while nothing runs; then both apps, the sidecar without a snapshot. A trade of
    the second.
    """
    chance = random.Random(8)
    batches = [[make_trade(f"b{batch}-{index}", chance) for index in range(ROW)] for batch in range(3)]
    for batch in batches:
        post_batch(apps.web_port, batch)
    apps.stop()
    flip_a_bit(apps.data, ROW + 1)
    (apps.data / "sidecar-snapshot.json").unlink(missing_ok=True)
    apps.start("trading-app")
    apps.start("metrics-sidecar")
    apps.wait_for("trading-app")
    return batches[1][-1]


def test_the_web_app_takes_trades_and_the_sidecar_names_what_it_can_not_read(tmp_path: Path) -> None:
    named = f"sequences {ROW + 1} to {2 * ROW} can't be read"
    with running_apps(tmp_path) as apps, open_client() as client:
        known = damage(apps)
        eventually(lambda: answers(f"{apps.sidecar_url}/healthz"), what="the sidecar's answer")
        eventually(lambda: named in client.get(f"{apps.sidecar_url}/readyz").text, what="the sidecar says which")
        for path in ("/readyz", "/metrics"):
            answer = client.get(apps.sidecar_url + path)
            assert (answer.status_code, "trading-app doctor" in answer.text) == (503, True)
        trades = f"{apps.web_url}/trades"
        damaged = client.get(trades, params={"after": ROW}).json()
        assert (damaged["status"], damaged["code"]) == (500, "damaged_history")
        assert named in damaged["detail"]
        assert len(client.get(trades, params={"limit": 1_000}).json()["trades"]) == ROW
        assert len(client.get(trades, params={"limit": 1_000, "after": 2 * ROW}).json()["trades"]) == ROW
        with pytest.raises(httpx.RemoteProtocolError):  # cut off, so that nobody takes a part for the whole
            client.get(trades, headers={"Accept": "application/x-ndjson"})
        trade = make_trade("new", random.Random(9))
        assert client.post(f"{apps.web_url}/trade", json=trade).status_code == 201
        assert client.post(f"{apps.web_url}/trade", json=known).json()["code"] == "damaged_history"
        for target, status in ((ROW + 1, 500), (ROW, 201)):  # a void quotes its target
            body = {"kind": "void", "target": target}
            assert client.post(f"{apps.web_url}/events", json=body).status_code == status
            assert client.get(f"{trades}/{target}").status_code == (500 if status == 500 else 200)
        assert apps.processes["trading-app"].poll() is None
        exposed = client.get(f"{apps.web_url}/metrics").text
        reads = next(line for line in exposed.splitlines() if line.startswith("trading_app_damaged_reads_total "))
        assert float(reads.split()[1]) > 1
