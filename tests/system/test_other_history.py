"""A journal that was put back and went on differently: the sidecar's figures are those of the journal that is there,
whatever the sidecar did meanwhile, and however alike the two are.
"""

import json
import shutil
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.apps import Apps, running_apps
from tests.support.http import HTTP
from tests.support.load import post_batch
from tests.support.polling import eventually
from tests.support.programs import run_command

JOURNAL = "journal.sqlite3"


def make_trade(number: int, price: str = "100") -> dict[str, str]:
    """A trade as a sender with ids and times of its own repeats it: the same to the byte."""
    return {
        "trade_id": f"fill-{number}",
        "symbol": "XRP-USD",
        "side": "buy",
        "price": price,
        "qty": "1",
        "ts": f"2025-11-21T10:40:{number:02}Z",
    }


WRONG = [make_trade(11, "1000000"), make_trade(12), make_trade(13)]
RIGHT = [make_trade(11), make_trade(12), make_trade(13)]


def notional(apps: Apps) -> Decimal | None:
    """What the sidecar says was traded, over all keys; None while it is not ready."""
    answer = HTTP.get(f"{apps.sidecar_url}/metrics", headers={"Accept": "text/plain"})
    if answer.status_code == 503:
        return None
    lines = [line for line in answer.raise_for_status().text.splitlines() if line.startswith("trading_notional_total")]
    return sum((Decimal(line.rpartition(" ")[2]) for line in lines), Decimal())


def run(apps: Apps, *arguments: str | Path) -> str:
    done = run_command("trading-app", *arguments, environment=apps.environment)
    done.check_returncode()
    return done.stdout


def restore(apps: Apps, copy: Path) -> None:
    """Put a copy back as the documents say."""
    assert "a new stream" in run(apps, "restore", copy)


def put_back_by_hand(apps: Apps, copy: Path) -> None:
    """Put a copy back as people do: the file alone, with the id it has."""
    for file in apps.data.glob(f"{JOURNAL}*"):
        file.unlink()
    shutil.copy(copy, apps.data / JOURNAL)


@pytest.mark.parametrize("put_back", [restore, put_back_by_hand])
@pytest.mark.parametrize("sidecar", ["down", "stopped", "running"])
def test_the_figures_are_those_of_the_journal_that_is_there(
    tmp_path: Path, sidecar: str, put_back: Callable[[Apps, Path], None]
) -> None:
    copy = tmp_path / "copy.sqlite3"
    with running_apps(tmp_path, SIDECAR_SNAPSHOT_SECONDS="0.1") as apps:
        post_batch(apps.web_port, [make_trade(number) for number in range(1, 11)])
        run(apps, "backup", copy)
        post_batch(apps.web_port, WRONG)
        apps.wait_until_applied(13)
        assert notional(apps) == 1_001_200
        if sidecar == "down":
            apps.stop_one("metrics-sidecar")
        elif sidecar == "stopped":
            apps.processes["metrics-sidecar"].send_signal(signal.SIGSTOP)
        apps.stop_one("trading-app")
        put_back(apps, copy)
        apps.start("trading-app")
        apps.wait_for("trading-app")
        post_batch(apps.web_port, RIGHT)
        if sidecar == "down":
            apps.start("metrics-sidecar")
        elif sidecar == "stopped":
            apps.processes["metrics-sidecar"].send_signal(signal.SIGCONT)
        apps.wait_until_applied(13)
        # Not ready for a moment, once it notices the other history.
        eventually(
            lambda: notional(apps) == 1_300,
            what="the figures of the journal that is there",
        )
        post_batch(apps.web_port, [make_trade(14)])
        apps.wait_until_applied(14)
        assert notional(apps) == 1_400
        lines = map(json.loads, apps.log("metrics-sidecar").read_text().splitlines())
        [reason] = [line["reason"] for line in lines if line["event"] == "another history: starting over"]
        assert reason.startswith("the journal ")
        assert "each exactly once" in run(apps, "doctor")
