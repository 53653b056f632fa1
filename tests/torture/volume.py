"""Many trades: how long a start takes from a snapshot, and from nothing."""

import http.client
import subprocess
import time
from pathlib import Path

import apsw

from telemetry_stream.stores.sqlite.key_index import DIGEST_BYTES
from tests.support.apps import BIN, Apps, answers, running_apps
from tests.support.audit import assert_journal_is_sound
from tests.support.polling import eventually
from tests.torture.figures import Figures

BATCH = 10_000
READY_SECONDS = 2.0


def volume(folder: Path, seed: int, trades: int) -> Figures:
    """Journal this number of trades, then start the sidecar from its snapshot, and without one."""
    batches = max(trades // BATCH, 1)
    total = batches * BATCH
    with running_apps(folder) as apps:
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", apps.web_port, timeout=60)
        for number in range(batches):
            body = _batch(seed, number)
            connection.request("POST", "/trades", body, {"Content-Type": "application/x-ndjson"})
            response = connection.getresponse()
            said = response.read()
            assert response.status == 201, said
        taken = time.monotonic() - began
        connection.close()
        apps.wait_until_applied(total, seconds=120)
        apps.stop_one("metrics-sidecar")
        from_snapshot = _seconds_to_start(apps, "metrics-sidecar")
        apps.kill("metrics-sidecar")
        (apps.data / "sidecar-snapshot.json").unlink()
        rebuilt = _seconds_to_start(apps, "metrics-sidecar")
        assert apps.state()["applied"] == total
        shown = sum(float(text) for name, text in apps.samples().items() if name.startswith("trading_trades_total"))
        assert shown == total
        apps.kill("trading-app")
        web = _seconds_to_start(apps, "trading-app")
        examined = _seconds_of_command(apps, "doctor")
        copied = _seconds_of_command(apps, "backup", folder / "copy.sqlite3")
        _assert_contiguous(apps.data, total)
        assert_journal_is_sound(apps.data)
        size = sum(file.stat().st_size for file in apps.data.glob("journal.sqlite3*"))
    assert from_snapshot <= READY_SECONDS, f"ready {from_snapshot:.2f} s after its start, from the snapshot"
    return Figures(
        f"{total:,} trades in {taken:.0f} s, a journal of {size / 2**20:,.0f} MiB",
        f"ready from the snapshot after {from_snapshot:.2f} s; rebuilt from the journal in {rebuilt:.1f} s"
        f" ({total / rebuilt:,.0f} trades/s); web app killed and ready again after {web:.2f} s;"
        f" doctor {examined:.0f} s, backup {copied:.0f} s",
    )


def _seconds_to_start(apps: Apps, name: str) -> float:
    began = time.monotonic()
    apps.start(name)
    url = apps.web_url if name == "trading-app" else apps.sidecar_url
    eventually(lambda: answers(f"{url}/readyz"), seconds=300, what=f"{name} ready")
    return time.monotonic() - began


def _seconds_of_command(apps: Apps, *arguments: str | Path) -> float:
    began = time.monotonic()
    command: list[str | Path] = [BIN / "trading-app", *arguments]
    subprocess.run(command, env=apps.environment, check=True, capture_output=True)
    return time.monotonic() - began


def _batch(seed: int, number: int) -> bytes:
    return b"".join(
        b'{"trade_id":"%d-%d-%d","account":"a%d","symbol":"S%d/USDT","price":"%d.%02d","qty":"0.5","side":"%b"}\n'
        % (seed, number, index, index % 7, index % 50, 100 + index % 900, index % 100, b"buy" if index % 3 else b"sell")
        for index in range(BATCH)
    )


def _assert_contiguous(data: Path, total: int) -> None:
    connection = apsw.Connection(str(data / "journal.sqlite3"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        expected = 1
        for first, last in connection.execute("SELECT first, last FROM batch ORDER BY first"):
            assert first == expected
            expected = last + 1
        assert expected == total + 1
        assert connection.execute("SELECT sum(length(keys)) FROM batch").get == total * DIGEST_BYTES
    finally:
        connection.close()
