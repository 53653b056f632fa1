"""What the app tells about its room, its limits and what it turned away, against the app as a process."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from telemetry_stream.log import StorageUse
from telemetry_stream.stores.sqlite import usage
from tests.support.apps import answers
from tests.support.polling import eventually
from tests.trading_app.conftest import ORIGIN
from tests.trading_app.running import RunningApp, running

Make = Callable[..., dict[str, Any]]
LAST_TRADE = "trading_app_last_trade_timestamp_seconds"


def test_the_sizes_are_those_of_the_files(web: RunningApp, client: httpx.Client, trade: Make) -> None:
    client.post("/trade", json=trade()).raise_for_status()

    def sizes() -> StorageUse | None:
        """The sizes, if no checkpoint came between a look at the files and one at the metrics."""
        used = usage.measure(web.data_folder)
        parts = {"journal": used.journal, "journal_wal": used.write_ahead_log, "key_tables": used.key_tables}
        return used if all(web.metric(f"trading_app_{name}_bytes") == size for name, size in parts.items()) else None

    used = eventually(sizes, what="the sizes of the files")
    assert used is not None
    assert used.journal > 0
    assert used.write_ahead_log > 0
    assert web.metric("trading_app_disk_free_bytes") == pytest.approx(used.free, rel=0.1)


def test_the_limits_are_those_that_were_set(web: RunningApp) -> None:
    assert web.metric("trading_app_live_streams_limit") == float(web.environment["WEBAPP_MAX_LIVE_STREAMS"])
    assert web.metric("trading_app_pending_trades_limit") == 100_000
    assert web.metric("trading_app_disk_least_free_bytes") == 64 * 2**20
    assert web.metric("trading_app_stream_failed") == 0


def test_the_last_trade_is_dated_by_its_commit_and_outlives_a_restart(tmp_path: Path, trade: Make) -> None:
    with running(tmp_path) as app:
        assert app.metric(LAST_TRADE) == 0
        began = time.time()
        sent = trade(trade_id="last", ts="2020-01-01T00:00:00Z")
        assert app.client.post("/trade", json=sent).status_code == 201
        last = app.metric(LAST_TRADE)
        assert began <= last <= time.time()
        assert app.client.post("/trade", json=sent).status_code == 200
        assert app.metric(LAST_TRADE) == last, "a duplicate is no new trade"
    with running(tmp_path) as app:
        assert app.metric(LAST_TRADE) == pytest.approx(last, abs=1)


@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}], ids=["the short way", "through the app"])
def test_trades_that_are_refused_are_counted_one_by_one(
    web: RunningApp, client: httpx.Client, trade: Make, headers: dict[str, str]
) -> None:
    counted = 'trading_app_trades_refused_total{code="trade_id_conflict"}'
    taken = f"taken{len(headers)}"
    client.post("/trade", json=trade(trade_id=taken)).raise_for_status()
    before = web.metric(counted)
    other = trade(trade_id=taken, qty=9)
    assert client.post("/trade", json=other, headers=headers).status_code == 409
    assert web.metric(counted) == before + 1
    assert client.post("/trades", json=[trade(), other, trade()], headers=headers).status_code == 409
    assert web.metric(counted) == before + 4, "nothing of a batch is taken"


def test_a_start_reports_whether_the_last_run_ended_cleanly(tmp_path: Path) -> None:
    ends: tuple[tuple[signal.Signals, int], ...] = ((signal.SIGTERM, 0), (signal.SIGKILL, -9), (signal.SIGTERM, 0))
    seen = []
    for by, code in ends:
        with running(tmp_path) as app:
            seen.append(app.metric("trading_app_recovered"))
            assert app.stop(by) == code
    with running(tmp_path) as app:
        seen.append(app.metric("trading_app_recovered"))
    assert seen == [0, 0, 1, 0]


def test_below_the_least_room_it_is_not_ready(tmp_path: Path) -> None:
    app = RunningApp(tmp_path, WEBAPP_MIN_FREE_BYTES=str(2**60))
    try:
        eventually(lambda: answers(f"{app.url}/healthz"), what="the app up")
        refused = app.client.get("/readyz")
        assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
        assert "WEBAPP_MIN_FREE_BYTES" in refused.json()["detail"]
        assert app.metric("trading_app_disk_least_free_bytes") == 2**60
        assert app.stop() == 0
    finally:
        app.end()
