"""The commands against the app itself, all of them processes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apps import BIN, Apps, answers
from tests.support.http import HTTP
from tests.support.polling import eventually
from tests.trading_app.client import files

TRADES: list[files.Content] = [
    {"symbol": "XRP/ETH", "price": f"0.00{number}0", "qty": "23.0", "side": "sell"} for number in range(100, 350)
]


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    apps = Apps(tmp_path_factory.mktemp("app"))
    apps.start("trading-app")
    try:
        eventually(lambda: answers(f"{apps.web_url}/readyz"))
        yield apps
    finally:
        apps.stop()


def run(apps: Apps, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The console script; the settings tell it where the app is."""
    command = [str(BIN / "trading-app"), *map(str, arguments)]
    return subprocess.run(command, env=apps.environment, capture_output=True, text=True, check=False, timeout=60)


def test_a_file_sent_twice_in_two_formats_is_there_once(apps: Apps, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson.gz").write_bytes(files.zipped(files.as_ndjson(TRADES)))
    (tmp_path / "a.csv").write_bytes(files.as_csv(TRADES))
    first = run(apps, "send", tmp_path / "a.ndjson.gz", "--batch", 100, "--account", "twice")
    second = run(apps, "send", tmp_path / "a.csv", "--account", "twice")
    assert "sent 250, accepted 250, duplicates 0" in first.stdout
    assert "sent 250, accepted 0, duplicates 250" in second.stdout
    page = HTTP.get(f"{apps.web_url}/trades", params={"account": "twice", "limit": 300}).json()
    assert [trade["price"] for trade in page["trades"]] == [trade["price"] for trade in TRADES]


def test_refusals_name_the_line_and_the_field(apps: Apps, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("symbol,price,qty,side\nA,1,1,buy\nA,1,-1,buy\nA,1,1,both\n")
    refused = run(apps, "send", tmp_path / "bad.csv")
    assert refused.returncode == 1
    assert "  line 3: qty must be more than 0\n  line 4: side must be buy or sell\n" in refused.stderr


def test_the_demo_is_taken(apps: Apps) -> None:
    shown = run(apps, "demo", "--rate", 1_000, "--seconds", 0.2)
    assert "sent 200, accepted 200, duplicates 0" in shown.stdout
    assert apps.sidecar_url in shown.stderr
