"""`make demo`: apps, ledger and ports of its own, whatever the settings say."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local import demo
from infra.monitoring.files import write_demo_targets
from tests.support.http import HTTP
from tests.support.polling import eventually
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = {
    "DATA_DIR": "/nowhere/real",
    "WEBAPP_HTTP_PORT": "1",
    "WEBAPP_API_TOKENS": "a-token-of-the-real-account",
    "TRADING_APP_TOKEN": "a-token-of-the-real-account",
    "FEED_SYMBOLS": "BTC-USDT",
}


def test_no_setting_of_the_user_reaches_it(tmp_path: Path) -> None:
    (tmp_path / ".env.sample").write_bytes((ROOT / ".env.sample").read_bytes())
    (tmp_path / ".env").write_text("DATA_DIR=/nowhere/real\nWEBAPP_OIDC_ISSUER=https://id.example\nOWN=1\n")
    settings = demo.environment({**HOSTILE, "PATH": "/bin"}, tmp_path, tmp_path / "demo", 8100, 5655)
    given = {name: value for name, value in settings.items() if value}
    assert given == {
        "PATH": "/bin",
        "ENVIRONMENT": "production",
        "DATA_DIR": str(tmp_path / "demo"),
        "WEBAPP_HTTP_PORT": "8100",
        "SIDECAR_HTTP_PORT": "8101",
        "ANALYTICS_HTTP_PORT": "8102",
        "WEBAPP_ZMQ_ADDR": "tcp://127.0.0.1:5655",
        "WEBAPP_REPLAY_ADDR": "tcp://127.0.0.1:5656",
        "WEBAPP_INSTRUMENTS_FILE": str(ROOT / "infra/local/demo_instruments.yml"),
        "FEED_SYMBOLS": demo.SYMBOLS,
        "FEED_KINDS": "trade,candle",
        "FEED_SCHEDULE_FILE": str(ROOT / "infra/local/demo_schedule.yml"),
        "FEED_BINANCE_STREAM_URL": "ws://127.0.0.1:8104",
        "FEED_BINANCE_REST_URL": "http://127.0.0.1:8104",
        "FEED_HTTP_PORT": "8103",
        "FEED_ZMQ_ADDR": "tcp://127.0.0.1:5657",
        "FEED_REPLAY_ADDR": "tcp://127.0.0.1:5658",
    }
    assert {"OWN", "WEBAPP_OIDC_ISSUER", "WEBAPP_API_TOKENS", "FEED_COINBASE_REST_URL"} <= settings.keys()


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A demonstration, and the port of its page."""
    port, *_, stream_port, _, _, _ = (free_port() for _ in range(9))  # consecutive within a process
    command = [sys.executable, "-m", "infra.local.demo", "--data", str(folder), "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--stream-port", str(stream_port), *arguments],
        cwd=ROOT,
        env={**os.environ, **HOSTILE},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process, port
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.long
def test_it_shows_made_up_trades_marked_by_a_made_up_market_and_ends_with_all_its_apps(tmp_path: Path) -> None:
    """Meanwhile a second one is refused."""
    with running(tmp_path / "ledger", "--rate", "200", "--seconds", "1") as (process, port):
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "all trades are sent" in line:
                break
        page = f"http://127.0.0.1:{port}/"
        assert f"demo | all trades are sent; {page} shows them until Ctrl-C" in said, said
        found = HTTP.get(f"{page}trades", params={"account": "demo"}).raise_for_status().json()
        assert found["trades"]
        assert list((tmp_path / "ledger").glob("*.sqlite3"))
        state = f"http://127.0.0.1:{port + 1}/state"

        def marked() -> set[str]:
            positions = HTTP.get(state).raise_for_status().json()["positions"]
            return {one["symbol"] for one in positions if one.get("mark_source") == "binance"}

        eventually(lambda: marked() >= {"BTC/USDT", "ETH/USDT"}, what="marks of the made-up market")
        with running(tmp_path / "ledger") as (second, _):
            assert second.stdout is not None
            assert f"it runs already: {page}" in second.stdout.read()
            assert second.wait(60) == 1
        process.send_signal(signal.SIGINT)
        said += process.stdout.read()
        assert process.wait(60) == 0, said
        assert f"ready: open {page}; its ledger is {tmp_path / 'ledger'}, apart from yours" in said
        assert "demo | feed listens on" in said


def test_prometheus_asks_it_only_while_it_runs(tmp_path: Path) -> None:
    write_demo_targets(tmp_path, 8100)
    assert list(tmp_path.iterdir()) == []
    folder = tmp_path / "prometheus"
    folder.mkdir()
    (folder / "trading-app.json").write_text('[{"targets": ["host.docker.internal:8000"]}]')
    write_demo_targets(tmp_path, 8200)
    (target,) = json.loads((folder / "metrics-sidecar-demo.json").read_text())
    assert target["targets"] == ["host.docker.internal:8201"]
    assert target["labels"]["instance"] == "127.0.0.1:8201"
    write_demo_targets(tmp_path, None)
    assert [(folder / f"{job}-demo.json").read_text() for job in ("trading-app", "metrics-sidecar")] == ["[]\n"] * 2
